#include "exporter/mvcc/diff.h"

#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "exporter/mvcc/key_table.h"

namespace warden::mvcc {
namespace {

constexpr std::int64_t kNewest = std::numeric_limits<std::int64_t>::max();

struct OldValue {
  std::uint64_t hash = 0;
  std::uint64_t number = 0;  // of its record
};

std::uint64_t SizeOf(const Record& record) {
  return record.key.size() + record.value.size();
}

// The live records of a snapshot.
class Side {
 public:
  Side(const KeySpace& keys, std::string_view name, const std::stop_token& stop)
      : keys_(keys), name_(name), stop_(stop) {}

  void Find(std::size_t keys_at_once) {
    visible_ = FindVisible(keys_, kNewest, stop_, keys_at_once);
  }
  Status found() const { return visible_.status().WithContext(name_); }
  Status ForEach(const std::function<void(const Entry& entry)>& visitor) const {
    return keys_
        .ForEach(
            [&](const Entry& entry) {
              if (visible_->Contains(entry.number)) visitor(entry);
              return true;
            },
            stop_)
        .WithContext(name_);
  }

 private:
  const KeySpace& keys_;
  const std::string_view name_;
  const std::stop_token& stop_;
  Result<VisibleRecords> visible_ = VisibleRecords();
};

}  // namespace

Status Diff(const KeySpace& before, const KeySpace& after, const ChangeVisitor& visitor,
            const std::stop_token& stop, std::size_t keys_at_once) {
  Side old_side(before, "the first snapshot", stop);
  Side new_side(after, "the second snapshot", stop);
  {
    const std::jthread other([&] { new_side.Find(keys_at_once); });
    old_side.Find(keys_at_once);
  }
  WARDEN_RETURN_IF_ERROR(old_side.found());
  WARDEN_RETURN_IF_ERROR(new_side.found());
  KeyTable<OldValue> old_values(keys_at_once);
  std::vector<bool> still_there;  // by the number of the old record
  do {
    WARDEN_RETURN_IF_ERROR(old_side.ForEach([&](const Entry& entry) {
      const Fingerprint key = FingerprintOf(entry.record.key);
      if (!old_values.IsOfThisPart(key)) return;
      // What is forgotten comes again with its part.
      old_values.Insert(key, {HashOf(entry.record.value), entry.number}, [](const OldValue&) {});
    }));
    WARDEN_RETURN_IF_ERROR(new_side.ForEach([&](const Entry& entry) {
      const Fingerprint key = FingerprintOf(entry.record.key);
      if (!old_values.IsOfThisPart(key)) return;
      const OldValue* old = old_values.Find(key);
      if (old == nullptr) {
        visitor(Change::kAdded, entry.record.key, SizeOf(entry.record));
        return;
      }
      if (old->number >= still_there.size()) still_there.resize(old->number + 1);
      still_there[old->number] = true;
      if (old->hash != HashOf(entry.record.value)) {
        visitor(Change::kChanged, entry.record.key, SizeOf(entry.record));
      }
    }));
  } while (old_values.NextPart());
  return old_side.ForEach([&](const Entry& entry) {
    const bool stays = entry.number < still_there.size() && still_there[entry.number];
    if (!stays) visitor(Change::kRemoved, entry.record.key, SizeOf(entry.record));
  });
}

}  // namespace warden::mvcc
