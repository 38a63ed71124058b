// What rclone's failures mean, by its words: its exit codes tell apart too little. Pure.
#pragma once

#include "exporter/base/process.h"
#include "exporter/base/result.h"

namespace warden::offsite {

// Success, or "rclone: why" with one of the codes that class Rclone documents.
Status StatusOf(const Ended& ended);

}  // namespace warden::offsite
