#include "exporter/mvcc/record.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "exporter/base/text.h"
#include "exporter/mvcc/wire.h"

namespace warden::mvcc {
namespace {

constexpr std::size_t kRevisionBytes = 17;
constexpr std::size_t kSeparatorAt = 8;

Status Damaged(std::string what) {
  return Status(Code::kDataLoss, std::move(what));
}

std::int64_t BigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  return static_cast<std::int64_t>(value);
}

// The fields of mvccpb.KeyValue; kDataLoss if there are others.
Status ParseFields(std::string_view bytes, Record& record, std::int64_t& mod_revision) {
  WireReader field(bytes);
  while (field.Next()) {
    if (field.is_bytes() && field.number() == 1) {
      record.key = field.bytes();
    } else if (field.is_bytes() && field.number() == 5) {
      record.value = field.bytes();
    } else if (field.is_varint() && field.number() == 2) {
      record.create_revision = field.integer();
    } else if (field.is_varint() && field.number() == 3) {
      mod_revision = field.integer();
    } else if (field.is_varint() && field.number() == 4) {
      record.version = field.integer();
    } else if (field.is_varint() && field.number() == 6) {
      record.lease = field.integer();
    } else {
      return Damaged("field " + std::to_string(field.number()) +
                     " of the record is none of a KeyValue");
    }
  }
  return field.complete() ? Status() : Damaged("the record is not a KeyValue");
}

Status CheckTombstone(const Record& record, std::int64_t mod_revision) {
  const bool bare = mod_revision == 0 && record.create_revision == 0 && record.version == 0 &&
                    record.lease == 0 && record.value.empty();
  if (record.key.empty() || !bare) return Damaged("a tombstone holds a key and nothing else");
  return {};
}

// U+0080 to U+009F, which terminals obey like the controls below a blank, and U+2000 to U+206F,
// among which are those that turn the direction of text round.
bool HasHiddenControl(std::string_view utf8) {
  for (std::size_t i = 0; i + 1 < utf8.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(utf8[i]);
    const auto next = static_cast<std::uint8_t>(utf8[i + 1]);
    if (byte == 0xC2 && next < 0xA0) return true;
    if (byte == 0xE2 && (next == 0x80 || next == 0x81)) return true;
  }
  return false;
}

}  // namespace

Result<Revision> ParseRevision(std::string_view bytes) {
  if (bytes.size() != kRevisionBytes || bytes[kSeparatorAt] != '_') {
    return Damaged("not a revision");
  }
  const Revision revision{.main = BigEndian(bytes.substr(0, kSeparatorAt)),
                          .sub = BigEndian(bytes.substr(kSeparatorAt + 1))};
  if (revision.main < 0 || revision.sub < 0) return Damaged("a revision out of range");
  return revision;
}

Status ParseRecord(std::string_view key, std::string_view value, Record& record) {
  record = {};
  record.is_tombstone = key.size() == kRevisionBytes + 1 && key.back() == 't';
  const Result<Revision> revision =
      ParseRevision(record.is_tombstone ? key.substr(0, kRevisionBytes) : key);
  if (!revision.ok()) return revision.error();
  if (revision->main == 0) return Damaged("a revision out of range");
  record.revision = *revision;
  std::int64_t mod_revision = 0;
  WARDEN_RETURN_IF_ERROR(ParseFields(value, record, mod_revision));
  if (record.is_tombstone) return CheckTombstone(record, mod_revision);
  if (value.empty()) return {};
  if (record.key.empty()) return Damaged("a record without a key");
  if (mod_revision != record.revision.main) {
    return Damaged("the record says that it is of revision " + std::to_string(mod_revision));
  }
  if (record.create_revision <= 0 || record.create_revision > mod_revision) {
    return Damaged("a create_revision of " + std::to_string(record.create_revision));
  }
  // A transaction changes a key once. (Keys that came from etcd's v2 store have one version,
  // however old they are.)
  if (record.version < 1 || record.version - 1 > mod_revision - record.create_revision) {
    return Damaged("version " + std::to_string(record.version) + " of a key that is " +
                   std::to_string(mod_revision - record.create_revision) + " revisions old");
  }
  return {};
}

std::string PrintableKey(std::string_view key) {
  const auto is_control = [](char c) { return static_cast<std::uint8_t>(c) < ' ' || c == 0x7F; };
  const bool is_plain = !key.empty() && key.front() != '"' &&
                        std::ranges::none_of(key, is_control) && ToValidUtf8(key) == key &&
                        !HasHiddenControl(key);
  if (is_plain) return std::string(key);
  std::string quoted = "\"";
  for (const char c : key) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c >= ' ' && c <= '~') {
      quoted += c;
    } else {
      std::array<char, 8> hex{};
      std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<std::uint8_t>(c));
      quoted += hex.data();
    }
  }
  return quoted + '"';
}

}  // namespace warden::mvcc
