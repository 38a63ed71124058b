// What a scrape says of drills.
#include "exporter/restore/render.h"

#include <gtest/gtest.h>

#include "tests/backup/backups.h"
#include "tests/support/golden.h"

namespace warden::restore {
namespace {

using backup::kNow;

DrillReceipt Receipt(Nanoseconds finished_after, bool succeeded, Nanoseconds restored_in = {}) {
  DrillReceipt receipt{.cluster = "prod",
                       .started = kNow + finished_after - Seconds(60),
                       .finished = kNow + finished_after,
                       .succeeded = succeeded};
  if (restored_in > Nanoseconds(0)) receipt.restore_duration = restored_in;
  return receipt;
}

DrillSubject Subject() {
  return {.cluster = "prod", .plan = {}, .now = kNow + Seconds(3600)};
}

std::string PageOf(const std::vector<DrillReceipt>& receipts) {
  metrics::Page page;
  RenderDrills(page, Subject(), receipts);
  return page.Text();
}

bool Has(const std::string& page, const std::string& family, const std::string& value) {
  const std::string line =
      "\netcdwarden_drill_" + family + "{etcd_cluster=\"prod\"} " + value + "\n";
  return page.find(line) != std::string::npos;
}

bool Mentions(const std::string& page, const std::string& family) {
  return page.find("etcdwarden_drill_" + family + "{") != std::string::npos;
}

TEST(DrillPage, SuccessAndFailureOfTwoClusters) {
  metrics::Page page;
  DrillSubject subject = Subject();
  subject.plan = {.running = true,
                  .interval = Seconds(86'400),
                  .next_run = kNow + Seconds(86'400),
                  .objective = Seconds(3600)};
  RenderDrills(
      page, subject,
      {Receipt(Seconds(200), true, Milliseconds(2500)), Receipt(Seconds(100), true, Seconds(9))});
  // Only by hand: receipts without a section.
  subject.cluster = "lab";
  subject.plan.reset();
  RenderDrills(page, subject,
               {Receipt(Seconds(300), false), Receipt(Seconds(100), true, Seconds(4))});
  testing::ExpectGoldenPage("drills", page.Text());
}

TEST(DrillPage, BeforeTheFirstDrill) {
  DrillSubject subject = Subject();
  subject.plan = {.interval = Seconds(60), .next_run = kNow};
  metrics::Page page;
  RenderDrills(page, subject, {});
  testing::ExpectGoldenPage("drill-never", page.Text());
}

TEST(DrillPage, IsEmptyWhereNobodyDrills) {
  EXPECT_EQ(PageOf({}), metrics::Page().Text());
}

TEST(DrillPage, AFailureLeavesTheLastSuccessAndItsTime) {
  const std::string page =
      PageOf({Receipt(Seconds(300), false, Seconds(1)), Receipt(Seconds(100), true, Seconds(4))});
  EXPECT_TRUE(Has(page, "last_result", "0")) << page;
  EXPECT_TRUE(Has(page, "last_timestamp_seconds", "1795429200")) << page;
  EXPECT_TRUE(Has(page, "last_success_timestamp_seconds", "1795429000")) << page;
  EXPECT_TRUE(Has(page, "last_duration_seconds", "4")) << page;
}

TEST(DrillPage, WithoutASuccessThereIsNoTimeToRestore) {
  const std::string page = PageOf({Receipt(Seconds(300), false, Seconds(1))});
  EXPECT_TRUE(Has(page, "last_success_timestamp_seconds", "0")) << page;
  EXPECT_FALSE(Mentions(page, "last_duration_seconds")) << page;
}

TEST(DrillPage, TheOrderOfReceiptsDoesNotMatter) {
  const std::string page =
      PageOf({Receipt(Seconds(100), true, Seconds(4)), Receipt(Seconds(300), false),
              Receipt(Seconds(200), true, Seconds(7))});
  EXPECT_TRUE(Has(page, "last_result", "0")) << page;
  EXPECT_TRUE(Has(page, "last_duration_seconds", "7")) << page;
}

TEST(DrillPage, ADrillFromTheFutureDoesNotHideThatDrillsHaveStopped) {
  const std::string page = PageOf(
      {Receipt(Seconds(100), false), Receipt(std::chrono::hours(24 * 365), true, Seconds(4))});
  EXPECT_TRUE(Has(page, "last_result", "0")) << page;
  EXPECT_TRUE(Has(page, "last_success_timestamp_seconds", "0")) << page;
}

}  // namespace
}  // namespace warden::restore
