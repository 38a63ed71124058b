#include "exporter/metrics/page.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/promtool.h"

namespace warden::metrics {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Page, WritesFamiliesByNameAndSamplesByLabel) {
  Page page;
  page.Gauge("up", "Is it up.", 1, {{"etcd_cluster", "b"}});
  page.Gauge("jobs", "Jobs waiting.", 3, {});
  page.Gauge("up", "Another help.", 0, {{"etcd_cluster", "a"}, {"zone", "x"}});
  EXPECT_EQ(page.Text(),
            "# HELP etcdwarden_jobs Jobs waiting.\n"
            "# TYPE etcdwarden_jobs gauge\n"
            "etcdwarden_jobs 3\n"
            "# HELP etcdwarden_up Is it up.\n"
            "# TYPE etcdwarden_up gauge\n"
            "etcdwarden_up{etcd_cluster=\"a\",zone=\"x\"} 0\n"
            "etcdwarden_up{etcd_cluster=\"b\"} 1\n");
  testing::ExpectPromtoolClean(page.Text());
}

TEST(Page, IsEmptyWithoutFamilies) {
  EXPECT_EQ(Page().Text(), "");
  Page page;
  page.Add({{"x_total", "Nothing yet.", prometheus::MetricType::Counter, {}}});
  EXPECT_EQ(page.Text(), "") << "a family without samples is left out";
}

TEST(Page, WritesValuesThatReadBackAsTheyWere) {
  const std::pair<double, std::string> cases[] = {
      {0, "0"},
      {-0.0, "0"},
      {-3, "-3"},
      {0.1, "0.1"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1795428900, "1795428900"},
      {1795428900.042, "1795428900.042"},
      {999999999999999, "999999999999999"},
      {9007199254740992, "9007199254740992"},
      {1e18, "1e+18"},
      {1e-9, "1e-09"},
      {std::nan(""), "NaN"},
      {kInfinity, "+Inf"},
      {-kInfinity, "-Inf"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
  };
  for (const auto& [value, text] : cases) {
    Page page;
    page.Gauge("x", "A number.", value, {});
    EXPECT_NE(page.Text().find("\netcdwarden_x " + text + "\n"), std::string::npos)
        << text << " in\n"
        << page.Text();
    testing::ExpectPromtoolClean(page.Text());
  }
}

TEST(Page, EscapesLabelValuesAndHelp) {
  Page page;
  page.Gauge("x", "Two\nlines, a \\ and a \".", 1,
             {{"a", "new\nline"}, {"b", "back\\slash"}, {"c", "quo\"te"}, {"d", ""}});
  EXPECT_EQ(page.Text(),
            "# HELP etcdwarden_x Two\\nlines, a \\\\ and a \".\n"
            "# TYPE etcdwarden_x gauge\n"
            "etcdwarden_x{a=\"new\\nline\",b=\"back\\\\slash\",c=\"quo\\\"te\",d=\"\"} 1\n");
  testing::ExpectPromtoolClean(page.Text());
}

TEST(Page, SurvivesAnyByteInALabelValue) {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  Page page;
  page.Gauge("x", "Hostile bytes.", 1, {{"a", bytes}, {"b", "\xff"}});
  EXPECT_NE(page.Text().find("b=\"\uFFFD\""), std::string::npos);
  testing::ExpectPromtoolClean(page.Text());
}

TEST(Page, KeepsTheFirstOfTwoSamplesWithTheSameLabels) {
  Page page;
  page.Gauge("x", "Twice.", 1, {{"a", "\xfe"}});
  page.Gauge("x", "Twice.", 2, {{"a", "\xff"}});  // both bytes are replaced by the same character
  EXPECT_EQ(page.Text(),
            "# HELP etcdwarden_x Twice.\n"
            "# TYPE etcdwarden_x gauge\n"
            "etcdwarden_x{a=\"\uFFFD\"} 1\n");
}

TEST(Page, MergesFamiliesOfARegistryByTheirFullNames) {
  const auto family = [](const std::string& cluster) {
    prometheus::ClientMetric metric;
    metric.label = {{"etcd_cluster", cluster}};
    metric.counter.value = 2;
    return prometheus::MetricFamily{
        "etcdwarden_x_total", "Counts.", prometheus::MetricType::Counter, {metric}};
  };
  Page page;
  page.Add({family("a")});
  page.Add({family("b"), family("c")});
  EXPECT_EQ(page.Text(),
            "# HELP etcdwarden_x_total Counts.\n"
            "# TYPE etcdwarden_x_total counter\n"
            "etcdwarden_x_total{etcd_cluster=\"a\"} 2\n"
            "etcdwarden_x_total{etcd_cluster=\"b\"} 2\n"
            "etcdwarden_x_total{etcd_cluster=\"c\"} 2\n");
}

TEST(Page, WritesHistograms) {
  prometheus::ClientMetric plain;
  plain.histogram = {.sample_count = 3, .sample_sum = 7.5, .bucket = {{1, 0.5}, {3, kInfinity}}};
  prometheus::ClientMetric labelled = plain;
  labelled.label = {{"handler", "/metrics"}};
  Page page;
  page.Add({{"x_seconds", "Times.", prometheus::MetricType::Histogram, {labelled, plain}}});
  EXPECT_EQ(page.Text(),
            "# HELP x_seconds Times.\n"
            "# TYPE x_seconds histogram\n"
            "x_seconds_bucket{le=\"0.5\"} 1\n"
            "x_seconds_bucket{le=\"+Inf\"} 3\n"
            "x_seconds_sum 7.5\n"
            "x_seconds_count 3\n"
            "x_seconds_bucket{handler=\"/metrics\",le=\"0.5\"} 1\n"
            "x_seconds_bucket{handler=\"/metrics\",le=\"+Inf\"} 3\n"
            "x_seconds_sum{handler=\"/metrics\"} 7.5\n"
            "x_seconds_count{handler=\"/metrics\"} 3\n");
  testing::ExpectPromtoolClean(page.Text());
}

}  // namespace
}  // namespace warden::metrics
