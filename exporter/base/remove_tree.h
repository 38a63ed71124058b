// Removes a directory and all that is in it. For what this program made itself and nobody else's: a
// restore that was not finished, a drill's scratch directory. What an etcd has is never given here.
#pragma once

#include "exporter/base/files.h"
#include "exporter/base/result.h"

namespace warden {

// Symbolic links are removed and never followed. One that is gone already is a success; the first
// failure ends it, and a second call goes on. Not for two threads on the same tree.
Status RemoveTree(Files& files, const Files::Path& path);

}  // namespace warden
