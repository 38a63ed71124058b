#include "exporter/mvcc/visible.h"

#include "exporter/mvcc/key_table.h"

namespace warden::mvcc {

void VisibleRecords::Set(std::uint64_t number, bool visible) {
  if (number >= bits_.size()) bits_.resize(number + 1);
  if (bits_[number] == visible) return;
  bits_[number] = visible;
  visible ? ++count_ : --count_;
}

class VisibleFinder {
 public:
  VisibleFinder(std::int64_t revision, std::size_t keys_at_once)
      : revision_(revision), newest_(keys_at_once) {}

  // Takes the record; false once they are all newer than the revision.
  bool Take(const Entry& entry) {
    const Record& record = entry.record;
    if (record.revision.main > revision_) return false;
    const Fingerprint key = FingerprintOf(record.key);
    if (!newest_.IsOfThisPart(key)) return true;
    std::uint64_t* number = newest_.Find(key);
    if (number != nullptr) {
      found_.Set(*number, false);
      *number = entry.number;
    }
    // Before the table may have to forget it.
    found_.Set(entry.number, !record.is_tombstone);
    if (number == nullptr) {
      newest_.Insert(key, entry.number,
                     [this](std::uint64_t forgotten) { found_.Set(forgotten, false); });
    }
    return true;
  }
  bool NextPart() { return newest_.NextPart(); }
  VisibleRecords Found() && { return std::move(found_); }

 private:
  const std::int64_t revision_;
  KeyTable<std::uint64_t> newest_;
  VisibleRecords found_;
};

Result<VisibleRecords> FindVisible(const KeySpace& key_space, std::int64_t revision,
                                   const std::stop_token& stop, std::size_t keys_at_once) {
  VisibleFinder finder(revision, keys_at_once);
  do {
    WARDEN_RETURN_IF_ERROR(
        key_space.ForEach([&](const Entry& entry) { return finder.Take(entry); }, stop));
  } while (finder.NextPart());
  return std::move(finder).Found();
}

}  // namespace warden::mvcc
