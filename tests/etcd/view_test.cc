#include "exporter/etcd/view.h"

#include <gtest/gtest.h>

#include <set>

namespace warden::etcd {
namespace {

TEST(ReasonName, NamesEveryReasonDifferently) {
  std::set<std::string_view> names;
  for (int i = 0; i < kReasonCount; ++i) names.insert(ReasonName(static_cast<Reason>(i)));
  EXPECT_EQ(names, (std::set<std::string_view>{"dns", "connect", "tls", "timeout", "canceled",
                                               "unauthenticated", "permission_denied", "learner",
                                               "no_leader", "overload", "unimplemented", "other"}));
  EXPECT_EQ(ReasonName(Reason::kTls), "tls");
  EXPECT_EQ(ReasonName(Reason::kPermissionDenied), "permission_denied");
  EXPECT_EQ(ReasonName(Reason::kOther), "other");
}

TEST(AlarmName, IsWhatEtcdCallsIt) {
  EXPECT_EQ(AlarmName(AlarmType::kNoSpace), "NOSPACE");
  EXPECT_EQ(AlarmName(AlarmType::kCorrupt), "CORRUPT");
  EXPECT_EQ(AlarmName(AlarmType::kUnknown), "UNKNOWN");
}

TEST(VersionAtLeast, ComparesMajorAndMinorAsNumbers) {
  struct Case {
    std::string_view version;
    int major;
    int minor;
    bool at_least;
  };
  const Case cases[] = {
      {"3.5.12", 3, 5, true},     {"3.5.0", 3, 5, true},    {"3.4.23", 3, 5, false},
      {"3.10.0", 3, 5, true},     {"4.0.0", 3, 6, true},    {"2.9.9", 3, 0, false},
      {"3.6.0-rc.1", 3, 6, true}, {"3.7", 3, 7, true},      {"3.5.12+git", 3, 5, true},
      {"", 3, 5, false},          {"3", 3, 0, false},       {"v3.6.0", 3, 5, false},
      {"3.", 3, 0, false},        {"unknown", 0, 0, false}, {"-3.6", 0, 0, false},
      {"3.-6", 3, 0, false},      {" 3.6", 3, 0, false},    {"3.99999999999999", 3, 0, false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(VersionAtLeast(c.version, c.major, c.minor), c.at_least)
        << c.version << " >= " << c.major << "." << c.minor;
  }
}

TEST(ParseAlarms, ReadsWhatEtcdWritesWhateverItsSpacing) {
  constexpr std::uint64_t kId = 15546688551893261895U;
  struct Case {
    std::string error;
    Alarm alarm;
  };
  const Case cases[] = {
      {"memberID:15546688551893261895 alarm:NOSPACE ", {kId, AlarmType::kNoSpace}},
      {"memberID:15546688551893261895 alarm:CORRUPT ", {kId, AlarmType::kCorrupt}},
      {"memberID:5  alarm:NOSPACE", {5, AlarmType::kNoSpace}},
      {"  memberID: 5\talarm : NOSPACE  ", {5, AlarmType::kNoSpace}},
      {"alarm:CORRUPT ", {0, AlarmType::kCorrupt}},
      {"alarm:NOSPACE memberID:5", {5, AlarmType::kNoSpace}},
      {"memberID:5 alarm:FROZEN", {5, AlarmType::kUnknown}},
      {"memberID:5 alarm:17", {5, AlarmType::kUnknown}},
      {"memberID:5 alarm:NOSPACE since:now", {5, AlarmType::kNoSpace}},
      {"memberID:5 alarm:NOSPACE and more", {5, AlarmType::kNoSpace}},
      {"memberID:18446744073709551615 alarm:NOSPACE", {UINT64_MAX, AlarmType::kNoSpace}},
  };
  for (const Case& c : cases) {
    const std::vector<Alarm> alarms = ParseAlarms({c.error});
    ASSERT_EQ(alarms.size(), 1U) << c.error;
    EXPECT_EQ(alarms[0], c.alarm) << c.error;
  }
}

TEST(ParseAlarms, SkipsWhatIsNoAlarm) {
  for (const std::string error :
       {"etcdserver: no leader", "", " ", ":", "alarm", "alarm:", "alarm: ", "memberID:5",
        "memberID:5 ", "memberID:5 alarm:NONE", "memberID:x alarm:NOSPACE",
        "memberID:18446744073709551616 alarm:NOSPACE", "memberID:-1 alarm:NOSPACE",
        "the alarm:NOSPACE"}) {
    EXPECT_TRUE(ParseAlarms({error}).empty()) << error;
  }
}

TEST(ParseAlarms, KeepsTheOrderOfTheReport) {
  EXPECT_EQ(ParseAlarms({"etcdserver: no leader", "memberID:2 alarm:NOSPACE ", "alarm:CORRUPT "}),
            (std::vector<Alarm>{{2, AlarmType::kNoSpace}, {0, AlarmType::kCorrupt}}));
  EXPECT_TRUE(ParseAlarms({}).empty());
}

}  // namespace
}  // namespace warden::etcd
