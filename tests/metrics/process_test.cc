#include "exporter/metrics/process.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "exporter/base/clock.h"
#include "exporter/metrics/build_info.h"
#include "tests/support/promtool.h"

namespace warden::metrics {
namespace {

// Fields 3 and up, as in proc(5): utime 250, stime 130, starttime 123456.
constexpr std::string_view kStatTail =
    " S 1 42 42 0 -1 4194304 500 0 0 0 250 130 0 0 20 0 9 0 123456 104857600 5000 "
    "18446744073709551615 1 1 0 0 0 0 0 0 0\n";

std::string StatOf(const std::string& command) {
  return "42 (" + command + ")" + std::string(kStatTail);
}

TEST(ProcessStats, AreReadBehindAnyCommandName) {
  for (const std::string command : {"etcd-warden", "a b", ") S 9 9 9 (", "))", ""}) {
    EXPECT_EQ(ParseCpuSeconds(StatOf(command)), 3.8) << command;
    EXPECT_EQ(ParseStartTime(StatOf(command), "cpu  1 2 3\nbtime 1795000000\nprocesses 7\n"),
              1795001234.56)
        << command;
  }
}

TEST(ProcessStats, AreAbsentWhereTheKernelsTextIsNotUnderstood) {
  for (const std::string text :
       {"", "42", "42 (x)", "42 (x) S 1 2", "42 (x) S 1 2 3 4 5 6 7 8 9 10 a b"}) {
    EXPECT_EQ(ParseCpuSeconds(text), std::nullopt) << text;
    EXPECT_EQ(ParseStartTime(text, "btime 5\n"), std::nullopt) << text;
  }
  EXPECT_EQ(ParseStartTime(StatOf("x"), "cpu 1 2 3\n"), std::nullopt);
  EXPECT_EQ(ParseStartTime(StatOf("x"), "btime soon\n"), std::nullopt);
}

TEST(ProcessStats, ReadMemoryInBytes) {
  constexpr std::string_view kStatus =
      "Name:\tVmRSS:\nVmSize:\t  102400 kB\nVmRSS:\t   20480 kB\nVmX:\t1 MB\n";
  EXPECT_EQ(ParseMemory(kStatus, "VmSize"), 104857600);
  EXPECT_EQ(ParseMemory(kStatus, "VmRSS"), 20971520);
  EXPECT_EQ(ParseMemory(kStatus, "VmX"), std::nullopt);
  EXPECT_EQ(ParseMemory(kStatus, "VmSwap"), std::nullopt);
}

TEST(ProcessStats, ReadTheSoftLimitOfOpenFiles) {
  constexpr std::string_view kHead = "Limit                     Soft Limit  Hard Limit  Units\n";
  EXPECT_EQ(ParseMaxFds(std::string(kHead) + "Max open files            1024    4096    files\n"),
            1024);
  EXPECT_EQ(ParseMaxFds("Max open files            unlimited    unlimited    files\n"),
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(ParseMaxFds(kHead), std::nullopt);
  EXPECT_EQ(ParseMaxFds("Max open files\n"), std::nullopt);
}

TEST(ProcessStats, DescribeThisProcess) {
  PosixFiles files;
  const ProcessStats stats = ReadProcess(files);
  ASSERT_TRUE(stats.cpu_seconds && stats.virtual_bytes && stats.resident_bytes &&
              stats.start_unix_seconds && stats.open_fds && stats.max_fds);
  EXPECT_GE(*stats.cpu_seconds, 0);
  EXPECT_GT(*stats.virtual_bytes, *stats.resident_bytes);
  EXPECT_GT(*stats.resident_bytes, 1 << 20);
  EXPECT_GT(*stats.open_fds, 2);
  EXPECT_GE(*stats.max_fds, *stats.open_fds);
  const double now = ToUnixSeconds(SystemClock().Now());
  EXPECT_LT(*stats.start_unix_seconds, now + 2);
  EXPECT_GT(*stats.start_unix_seconds, now - 24 * 3600);
}

TEST(RenderProcess, UsesTheStandardNamesAndLeavesOutWhatIsUnknown) {
  Page page;
  RenderProcess(page, {.cpu_seconds = 1.5,
                       .virtual_bytes = 4096,
                       .resident_bytes = std::nullopt,
                       .start_unix_seconds = 1795428900.5,
                       .open_fds = 12,
                       .max_fds = 1024});
  const std::string text = page.Text();
  for (const std::string line :
       {"# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\n",
        "\nprocess_virtual_memory_bytes 4096\n", "\nprocess_start_time_seconds 1795428900.5\n",
        "\nprocess_open_fds 12\n", "\nprocess_max_fds 1024\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  EXPECT_EQ(text.find("resident"), std::string::npos);
  testing::ExpectPromtoolClean(text);
}

TEST(RenderBuildInfo, SaysWhatTheProgramIs) {
  Page page;
  RenderBuildInfo(page, {.version = "0.1.0",
                         .revision = "abc123",
                         .branch = "main",
                         .compiler = "GNU 12.2.0",
                         .grpc_version = "1.51.1",
                         .openssl_version = "3.0.17"});
  EXPECT_NE(
      page.Text().find(
          "\netcdwarden_exporter_build_info{version=\"0.1.0\",revision=\"abc123\",branch=\"main\","
          "compiler=\"GNU 12.2.0\",grpc_version=\"1.51.1\",openssl_version=\"3.0.17\"} 1\n"),
      std::string::npos)
      << page.Text();
  testing::ExpectPromtoolClean(page.Text());
}

}  // namespace
}  // namespace warden::metrics
