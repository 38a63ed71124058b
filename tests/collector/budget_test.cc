#include "exporter/collector/budget.h"

#include <gtest/gtest.h>

#include <string>

namespace warden::collector {
namespace {

constexpr config::ScrapeConfig kScrape{.timeout = Milliseconds(10'000),
                                       .timeout_offset = Milliseconds(500)};

TEST(ScrapeBudget, LeavesTheOffsetOfPrometheusTimeout) {
  struct Case {
    std::string_view header;
    int milliseconds;
  };
  const Case cases[] = {{"5", 4500},    {"2", 1500},    {"2.5", 2000},     {" 2.5\t", 2000},
                        {"1e1", 9500},  {"10.2", 9700}, {"10.500", 10000}, {"11", 10000},
                        {"60", 10000},  {"1e9", 10000}, {"1e300", 10000},  {"1", 500},
                        {"0.8", 400},   {"0.25", 125},  {"0.2", 100},      {"0.1", 100},
                        {"0.001", 100}, {"1e-300", 100}};
  for (const Case& c : cases) {
    EXPECT_EQ(ScrapeBudget(c.header, kScrape).time, Milliseconds(c.milliseconds)) << c.header;
    EXPECT_TRUE(ScrapeBudget(c.header, kScrape).valid_header) << c.header;
  }
}

TEST(ScrapeBudget, IsTheConfiguredTimeoutWithoutAUsableHeader) {
  EXPECT_EQ(ScrapeBudget(std::nullopt, kScrape).time, kScrape.timeout);
  EXPECT_TRUE(ScrapeBudget(std::nullopt, kScrape).valid_header);
  const std::string headers[] = {"",
                                 " ",
                                 "0",
                                 "0.0",
                                 "-0",
                                 "-1",
                                 "nan",
                                 "-nan",
                                 "inf",
                                 "-inf",
                                 "+5",
                                 "5s",
                                 "5 5",
                                 "0x10",
                                 "five",
                                 "1e400",
                                 "1e-400",
                                 "5,5",
                                 "NaN",
                                 "Infinity",
                                 std::string("5\0", 2),
                                 std::string(10 * 1024, '1'),
                                 std::string(10 * 1024, ' ') + "5",
                                 "5." + std::string(10 * 1024, '0')};
  for (const std::string& header : headers) {
    EXPECT_EQ(ScrapeBudget(header, kScrape).time, kScrape.timeout) << header.substr(0, 20);
    EXPECT_FALSE(ScrapeBudget(header, kScrape).valid_header) << header.substr(0, 20);
  }
}

TEST(ScrapeBudget, IsNeverBelowItsFloor) {
  const config::ScrapeConfig tiny{.timeout = Milliseconds(1), .timeout_offset = Milliseconds(0)};
  EXPECT_EQ(ScrapeBudget(std::nullopt, tiny).time, kBudgetMin);
  EXPECT_EQ(ScrapeBudget("5", tiny).time, kBudgetMin);
}

TEST(ScrapeBudget, KeepsHalfWhenTheOffsetIsLargerThanTheHeader) {
  const config::ScrapeConfig wide{.timeout = Milliseconds(10'000),
                                  .timeout_offset = Milliseconds(60'000)};
  EXPECT_EQ(ScrapeBudget("8", wide).time, Milliseconds(4000));
  EXPECT_EQ(ScrapeBudget("80", wide).time, Milliseconds(10'000));
}

TEST(ScrapeBudget, TakesAllOfTheHeaderWithoutAnOffset) {
  const config::ScrapeConfig plain{.timeout = Milliseconds(10'000),
                                   .timeout_offset = Milliseconds(0)};
  EXPECT_EQ(ScrapeBudget("2", plain).time, Milliseconds(2000));
}

}  // namespace
}  // namespace warden::collector
