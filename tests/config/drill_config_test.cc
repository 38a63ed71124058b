// The section of drills: what it means, and what is wrong with one and where.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/config/config_file.h"

namespace warden::config {
namespace {

class DrillConfigFile : public ConfigFile {
 protected:
  // The section follows on line 4, at column 39.
  std::string File(const std::string& drill, const std::string& more = "") const {
    return "clusters:\n  - name: a\n    endpoints: ['https://e:1']\n    backup: {directory: b, "
           "drill: " +
           drill + more + "}\n";
  }
  DrillConfig Read(const std::string& drill, const std::string& more = "") {
    const auto config = LoadText(File(drill, more));
    EXPECT_TRUE(config.ok()) << drill << ": " << config.status().message();
    return config.ok() ? *(*config)->clusters[0].backup->drill : DrillConfig();
  }
  void ExpectError(const std::string& drill, const std::string& error,
                   const std::string& more = "") {
    EXPECT_EQ(ErrorsOf(File(drill, more)), "DIR/w.yaml:4:" + error) << drill;
  }

  const std::string far_ = ", destinations: [{name: f, remote: /mnt}]";
};

TEST_F(DrillConfigFile, IsAbsentUnlessItIsGiven) {
  const auto config =
      LoadText("clusters: [{name: a, endpoints: ['https://e:1'], backup: {directory: b}}]\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_FALSE((*config)->clusters[0].backup->drill);
}

TEST_F(DrillConfigFile, AnEmptySectionIsForDrillsByHand) {
  const DrillConfig drill = Read("{}");
  EXPECT_EQ(drill, DrillConfig());
  EXPECT_FALSE(drill.schedule);
  EXPECT_EQ(drill.timeout, Seconds(1800));
  EXPECT_TRUE(drill.copies);
}

TEST_F(DrillConfigFile, SaysWhenWithWhatAndHowLong) {
  dir_.Write("identity", "# created\nAGE-SECRET-KEY-1QQ\n");
  const DrillConfig drill = Read(
      "{every: 24h, jitter: 1h, etcd: [/opt/etcd-3.5/etcd, etcd, bin/etcd], scratch: scratch/, "
      "timeout: 10m, objective: 1h, probe: [./check, --deep, ./x], copies: true, "
      "age_identity_file: identity}",
      far_);
  ASSERT_TRUE(drill.schedule);
  EXPECT_EQ(drill.schedule->name, "drill");
  EXPECT_EQ(drill.schedule->every, Seconds(86'400));
  EXPECT_EQ(drill.schedule->jitter, Seconds(3600));
  EXPECT_FALSE(drill.schedule->cron);
  const std::vector<std::filesystem::path> programs = {"/opt/etcd-3.5/etcd", "etcd",
                                                       dir_ / "bin/etcd"};
  EXPECT_EQ(drill.etcd, programs) << "a name alone is looked for in PATH";
  EXPECT_EQ(drill.scratch, dir_ / "scratch");
  EXPECT_EQ(drill.timeout, Seconds(600));
  EXPECT_EQ(drill.objective, Seconds(3600));
  const std::vector<std::string> probe = {(dir_ / "check").string(), "--deep", "./x"};
  EXPECT_EQ(drill.probe, probe) << "arguments are the program's own";
  EXPECT_EQ(drill.age_identity_file, dir_ / "identity");
}

TEST_F(DrillConfigFile, FiresByACronExpressionToo) {
  const DrillConfig drill = Read("{cron: '0 4 * * 0', time_zone: Europe/Berlin, copies: false}");
  ASSERT_TRUE(drill.schedule);
  EXPECT_EQ(drill.schedule->name, "drill");
  EXPECT_EQ(drill.schedule->cron->text(), "0 4 * * 0");
  EXPECT_EQ(drill.schedule->time_zone.name(), "Europe/Berlin");
  EXPECT_FALSE(drill.copies);
}

TEST_F(DrillConfigFile, HasABadTime) {
  const std::string at = "clusters[0].backup.drill";
  ExpectError("7", "35: " + at + ": expected a mapping, found text");
  ExpectError("{evry: 1h}", "36: " + at + ".evry: unknown key; did you mean \"every\"?");
  ExpectError("{every: 1h, name: x}",
              "47: " + at +
                  ".name: unknown key; known here: every, cron, time_zone, jitter, etcd, scratch, "
                  "timeout, objective, probe, copies, age_identity_file");
  ExpectError("{every: 1h, cron: '0 * * * *'}",
              "35: " + at + R"(: needs either every ("1h") or cron ("0 */6 * * *"), and not both)");
  ExpectError("{every: 0s}", "43: " + at + ".every: must be 1s or more");
  ExpectError("{every: 1h, jitter: 1h}", "55: " + at + ".jitter: must be shorter than every");
  ExpectError("{jitter: 1h}", "44: " + at + ".jitter: is of no use without every or cron");
  ExpectError("{every: 1h, time_zone: UTC}", "58: " + at + ".time_zone: is of no use without cron");
  ExpectError("{timeout: 0s}", "45: " + at + ".timeout: must be greater than zero");
  ExpectError("{objective: 0s}", "47: " + at + ".objective: must be greater than zero");
}

TEST_F(DrillConfigFile, HasBadProgramsAndPlaces) {
  const std::string at = "clusters[0].backup.drill";
  ExpectError("{etcd: /usr/bin/etcd}", "42: " + at + ".etcd: expected a list, found text");
  ExpectError("{etcd: []}", "42: " + at + ".etcd: is empty");
  ExpectError("{etcd: [x/etcd, ./x/etcd]}", "51: " + at + ".etcd[1]: is named a second time");
  ExpectError("{probe: check}", "43: " + at + ".probe: expected a list, found text");
  ExpectError("{probe: [[check]]}", "44: " + at + ".probe[0]: expected text, found a list");
  ExpectError("{scratch: ./b/}", "45: " + at +
                                     ".scratch: is the backup directory; name one of its own, as "
                                     "scratch/ below it");
  std::filesystem::create_directories(dir_ / "etcd/member");
  ExpectError("{scratch: etcd}",
              "45: " + at +
                  ".scratch: is the data directory of an etcd, for it has a member/; name one of "
                  "its own");
}

TEST_F(DrillConfigFile, HasCopiesThatCannotBe) {
  const std::string at = "clusters[0].backup.drill";
  dir_.Write("identity", "AGE-SECRET-KEY-1QQ\n");
  dir_.Write("public", "age1qq\n");
  ExpectError("{copies: true}", "44: " + at + ".copies: needs destinations");
  ExpectError("{age_identity_file: identity}",
              "55: " + at + ".age_identity_file: is of no use without destinations");
  ExpectError("{copies: perhaps}", "44: " + at + ".copies: \"perhaps\" is neither true nor false",
              far_);
  ExpectError("{copies: false, age_identity_file: identity}",
              "70: " + at + ".age_identity_file: is of no use without copies", far_);
  ExpectError("{age_identity_file: missing}",
              "55: " + at + ".age_identity_file: open DIR/missing: No such file or directory",
              far_);
  ExpectError("{age_identity_file: public}",
              "55: " + at +
                  ".age_identity_file: holds no private key of age's (AGE-SECRET-KEY-1...) nor "
                  "one of ssh's",
              far_);
  EXPECT_EQ(Read("{age_identity_file: client.key}", far_).age_identity_file, dir_ / "client.key");
}

}  // namespace
}  // namespace warden::config
