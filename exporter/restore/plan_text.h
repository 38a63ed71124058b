// A plan in words: what it is, what is at stake, and what to do in which order, with the stock
// tools' commands beside ours, for whoever would rather type those.
#pragma once

#include <string>

#include "exporter/restore/plan.h"

namespace warden::restore {

struct TextOptions {
  // As the run is to be called: where the plan was written. Empty: a place to be filled in.
  std::string plan_file;
};

std::string Describe(const Plan& plan, const TextOptions& options);

}  // namespace warden::restore
