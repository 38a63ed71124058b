// `snapshot restore` of an etcdutl or etcdctl that somebody wants instead of our own writer, inside
// the same plan, checks and swap.
#pragma once

#include <string>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/restore/plan.h"

namespace warden::restore {

struct ForeignTool {
  Files::Path program;
  std::string version;  // "3.5.21"
  bool is_etcdctl = false;
};

// Asks the program for its version. kNotFound, or kInvalidArgument if it is neither of the two.
Result<ForeignTool> FindTool(const Files::Path& program, const Deadline& deadline);

// Whether it can carry out the plan: a tool's directory starts with its own minor version or a
// neighbour of it, one of 3.4 not with 3.6; etcdctl restores up to 3.5; revisions are raised from
// 3.4.27 and 3.5.10 on. kFailedPrecondition says what is needed.
Status CheckTool(const ForeignTool& tool, const Plan& plan);

// The command line, as it is run, and as it is shown to whoever wants to do it by hand.
std::vector<std::string> ToolCommand(const Files::Path& program, const Plan& plan,
                                     const MemberPlace& paths, const std::string& snapshot,
                                     bool has_trailer);

// Runs it. A failure has the tool's own last words.
Status RunTool(const std::vector<std::string>& command, const Deadline& deadline);

}  // namespace warden::restore
