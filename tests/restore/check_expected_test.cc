// What a restored cluster is compared with: read from the plan.
#include <gtest/gtest.h>

#include <string>

#include "exporter/restore/check.h"
#include "tests/restore/check_answers.h"

namespace warden::restore {
namespace {

TEST(RestoreCheck, ExpectsWhatThePlanSays) {
  Plan plan;
  plan.snapshot = MakeFacts();
  plan.cluster = *MakeExpected().cluster;
  plan.keep_alarms = true;
  plan.bump = RevisionBump{.from = kRestored, .by = 1000};
  const ExpectedCluster planned = ExpectedOf(plan);
  EXPECT_EQ(planned.cluster->members, plan.cluster.members);
  EXPECT_EQ(planned.revision, kRestored + 1000);
  EXPECT_TRUE(planned.is_bumped);
  EXPECT_TRUE(planned.keeps_alarms);
  const ExpectedCluster unplanned = ExpectedOf(plan.snapshot);
  EXPECT_FALSE(unplanned.cluster);
  EXPECT_EQ(unplanned.revision, kRestored);
  EXPECT_FALSE(unplanned.is_bumped);
  EXPECT_FALSE(unplanned.keeps_alarms);
  EXPECT_EQ(unplanned.snapshot, plan.snapshot);
}

}  // namespace
}  // namespace warden::restore
