// An etcd that runs on a restored data directory, for as long as a drill asks it things.
//
// It listens on two sockets in its working directory, `client:1` and `peer:1`: a name and a number,
// relative to where it was started, is the only spelling of a socket that etcd takes from 3.4 to
// 3.7. So nobody reaches it who may not enter that directory, and no port can be taken already. It
// finds nothing of our environment, and runs on one processor, with the lowest priorities for that
// and for the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/config/endpoint.h"
#include "exporter/etcd/cluster.h"
#include "exporter/etcd/reads.h"
#include "exporter/restore/drill_programs.h"

namespace warden::restore {

struct EtcdStart {
  EtcdProgram program;
  std::filesystem::path data_directory;     // absolute
  std::filesystem::path working_directory;  // absolute; its owner's alone, for the sockets
  std::string name;                         // of the member
  std::string peer_url;                     // as the data directory was made for
  std::uint64_t database_bytes = 0;         // so much at least has room under its quota
};

// Its calls block until the deadline at most; for one thread.
class RestoredEtcd {
 public:
  virtual ~RestoredEtcd() = default;  // ends it

  // Until a linearizable read goes through. kUnavailable with its last words if it ended.
  virtual Status WaitUntilReady(const Deadline& deadline) = 0;
  virtual Result<etcd::KvHash> HashKv(std::int64_t revision, const Deadline& deadline) = 0;
  virtual Result<std::uint64_t> CountKeys(std::int64_t revision, const Deadline& deadline) = 0;
  virtual Result<std::uint64_t> CountLeases(const Deadline& deadline) = 0;
  // In the order of `keys`; nullopt: there is no such key.
  virtual Result<std::vector<std::optional<etcd::KeyEntry>>> ReadKeys(
      std::span<const std::string> keys, std::int64_t revision, const Deadline& deadline) = 0;

  virtual const config::Endpoint& endpoint() const = 0;
  // Ends it, and waits for that. Harmless a second time.
  virtual void Stop() = 0;
  // The end of what it has said so far. Thread-safe.
  virtual std::string Log() const = 0;
};

using EtcdStarter =
    std::function<Result<std::unique_ptr<RestoredEtcd>>(const EtcdStart&, const Deadline&)>;

// Starts a real one, which runs until it is stopped, `deadline` is over, or this process ends. Its
// endpoint has a short path, however long that of the directory is (base/open_directory.h).
Result<std::unique_ptr<RestoredEtcd>> StartEtcd(const EtcdStart& start, const Deadline& deadline);

}  // namespace warden::restore
