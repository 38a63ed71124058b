// A hash table from a key's fingerprint to a small value, of bounded size: when it is full it gives
// up half of the keys, and the caller takes them up in another pass.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace warden::mvcc {

struct Fingerprint {
  std::uint64_t place = 0;  // tells the part and the slot
  std::uint64_t check = 1;  // is kept; never 0
};
// Seeded for this process, so that no file can be made whose keys collide.
Fingerprint FingerprintOf(std::string_view key);
// Of bytes that are compared and not looked up; seeded likewise.
std::uint64_t HashOf(std::string_view bytes);

// The keys by the upper bits of their fingerprints, one part after the other. For one thread.
template <typename Value>
class KeyTable {
 public:
  explicit KeyTable(std::size_t keys_max) : keys_max_(keys_max) { Clear(1024); }

  // Whether the key is of the part that this pass is about.
  bool IsOfThisPart(const Fingerprint& key) const {
    return bits_ == 0 || key.place >> (64 - bits_) == part_;
  }
  // The key's value, nullptr if it has none; valid until the next call.
  Value* Find(const Fingerprint& key) {
    Slot& slot = SlotOf(key);
    return slot.key.check == 0 ? nullptr : &slot.value;
  }
  // Of a key of this part that is not in it. `forget` is told the values of keys that had to make
  // room, perhaps this one's: their part comes later.
  void Insert(const Fingerprint& key, Value value,
              const std::function<void(const Value&)>& forget) {
    while (used_ >= keys_max_) GiveUpHalf(forget);
    if (!IsOfThisPart(key)) return forget(value);
    if (used_ * 4 >= slots_.size() * 3) Rebuild(slots_.size() * 2);
    SlotOf(key) = {key, std::move(value)};
    ++used_;
  }
  // Empties it for the next part; false if there is none left.
  bool NextPart() {
    Clear(1024);
    ++part_;
    return bits_ < 64 && part_ < std::uint64_t{1} << bits_;
  }

 private:
  struct Slot {
    Fingerprint key{.place = 0, .check = 0};
    Value value{};
  };

  void Clear(std::size_t slots) {
    slots_ = std::vector<Slot>(slots);
    used_ = 0;
  }
  Slot& SlotOf(const Fingerprint& key) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = key.place & mask;
    while (slots_[at].key.check != 0 &&
           (slots_[at].key.check != key.check || slots_[at].key.place != key.place)) {
      at = (at + 1) & mask;
    }
    return slots_[at];
  }
  void Rebuild(std::size_t slots) {
    std::vector<Slot> old = std::move(slots_);
    slots_ = std::vector<Slot>(slots);
    for (Slot& slot : old) {
      if (slot.key.check != 0) SlotOf(slot.key) = std::move(slot);
    }
  }
  void GiveUpHalf(const std::function<void(const Value&)>& forget) {
    ++bits_;
    part_ *= 2;
    std::vector<Slot> old = std::move(slots_);
    Clear(old.size());
    for (Slot& slot : old) {
      if (slot.key.check == 0) continue;
      if (IsOfThisPart(slot.key)) {
        SlotOf(slot.key) = std::move(slot);
        ++used_;
      } else {
        forget(slot.value);
      }
    }
  }

  const std::size_t keys_max_;
  std::vector<Slot> slots_;
  std::size_t used_ = 0;
  int bits_ = 0;
  std::uint64_t part_ = 0;
};

}  // namespace warden::mvcc
