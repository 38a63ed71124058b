// The rules of etcd's snapshot stream, and the digests of what it carries. Pure: no I/O.
//
// A stream is `total` bytes of database, then 32 bytes, the SHA-256 of the database. Each message
// says how many database bytes remain after it, so the first one tells the total. The same bytes in
// the same order are the file that `etcdctl snapshot save` writes; stock tools recognise the digest
// by the file's size being 32 above a multiple of 512.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/base/result.h"
#include "exporter/snapshot/digest.h"

namespace warden::snapshot {

struct StreamSummary {
  std::uint64_t size_bytes = 0;  // database and digest
  std::string sha256;            // of all of it, hex: what sha256sum prints for the file
  std::string database_sha256;   // of the database alone, hex: equal to the trailer
};

// Not thread-safe.
class StreamCheck {
 public:
  // Takes the next message. kDataLoss if it breaks a rule; an empty message is one, since a server
  // whose disk fails under it sends them without end.
  Status Accept(std::uint64_t remaining_bytes, std::string_view blob);

  // After the server closed the stream: kDataLoss if anything is missing or the digest is wrong.
  Result<StreamSummary> Finish();

  // Database bytes announced by the first message, 0 before it.
  std::uint64_t total_bytes() const { return total_; }

 private:
  Sha256 digest_;
  bool started_ = false;
  std::uint64_t total_ = 0;
  std::uint64_t received_ = 0;   // database bytes
  std::string database_digest_;  // once all of it is there
  std::string trailer_;
};

}  // namespace warden::snapshot
