// Prometheus' own judgement of a page.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/process.h"

namespace warden::testing {

// Expects that `promtool check metrics` accepts the page and has nothing to say about it.
inline void ExpectPromtoolClean(const std::string& page) {
  const Outcome outcome = Run({"promtool", "check", "metrics"}, page);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output << page;
  EXPECT_EQ(outcome.output, "");
}

}  // namespace warden::testing
