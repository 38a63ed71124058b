// Which etcd runs a drill: programs are asked for their version, and the right one is chosen.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/restore/target.h"

namespace warden::restore {

struct EtcdProgram {
  std::filesystem::path path;  // absolute
  std::string version;         // "3.5.16"
  Target target = Target::k37;
};

struct EtcdPrograms {
  std::vector<EtcdProgram> found;       // in the order of the candidates
  std::vector<std::string> complaints;  // about those that cannot be used, one line each
};

// Asks each for its version: a path, or a name that is looked up in PATH. Without candidates,
// `etcd`.
EtcdPrograms FindEtcdPrograms(const std::vector<std::filesystem::path>& candidates,
                              const Deadline& deadline);

// "3.5.16" of what `etcd --version` prints; kInvalidArgument if that is something else.
Result<std::string> ParseEtcdVersion(std::string_view output);

// The one with the lowest minor that is not older than `minimum`, the first of equals: what comes
// closest to the cluster that the backup is of. kNotFound says what there is instead. Pure.
Result<EtcdProgram> ChooseEtcd(const EtcdPrograms& programs, Target minimum);

}  // namespace warden::restore
