// The etcd minor that a data directory is made for: what it holds differs a little between them.
#pragma once

#include <string_view>

#include "exporter/base/result.h"

namespace warden::restore {

// In ascending order, so that `target >= Target::k35` asks for "3.5 or newer".
enum class Target { k34, k35, k36, k37 };

// Of "3.5" or "3.5.12". kInvalidArgument for every other minor: what a newer etcd expects of a data
// directory is not known here.
Result<Target> ParseTarget(std::string_view version);
std::string_view TargetName(Target target);  // "3.5"

}  // namespace warden::restore
