#include "exporter/restore/target.h"

#include <array>
#include <string>

#include "exporter/base/text.h"
#include "exporter/etcd/view.h"

namespace warden::restore {
namespace {

constexpr int kOldestMinor = 4;
constexpr std::array<std::string_view, 4> kNames = {"3.4", "3.5", "3.6", "3.7"};

}  // namespace

Result<Target> ParseTarget(std::string_view version) {
  for (int i = 0; i < static_cast<int>(kNames.size()); ++i) {
    const int minor = kOldestMinor + i;
    if (etcd::VersionAtLeast(version, 3, minor) && !etcd::VersionAtLeast(version, 3, minor + 1)) {
      return static_cast<Target>(i);
    }
  }
  return Status(Code::kInvalidArgument,
                "\"" + ToSingleLine(version, 64) + "\" is no etcd version from 3.4 to 3.7");
}

std::string_view TargetName(Target target) {
  return kNames.at(static_cast<std::size_t>(target));
}

}  // namespace warden::restore
