// What is wrong with schedules, retention, destinations and lock, and where.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/config/config_file.h"

namespace warden::config {
namespace {

struct BadCase {
  std::string text;
  std::vector<std::string> lines;
};

// What a case adds starts on line 5, indented by six.
class BadBackupConfigFile : public ConfigFile {
 protected:
  void ExpectErrors(const std::string& section, const std::vector<BadCase>& cases) {
    for (const BadCase& each : cases) {
      const std::string text =
          "clusters:\n  - name: a\n    endpoints: ['https://e:1']\n    backup: {directory: b, " +
          section + ": " + each.text + "}\n";
      std::string expected;
      for (const std::string& line : each.lines) {
        expected += (expected.empty() ? "" : "\n") + std::string("DIR/w.yaml:4:") + line;
      }
      EXPECT_EQ(ErrorsOf(text), expected) << text;
    }
  }
};

TEST_F(BadBackupConfigFile, HasBadSchedules) {
  const std::string at = "39: clusters[0].backup.schedules";
  const std::string item = "40: clusters[0].backup.schedules[0]";
  const std::string which = R"(: needs either every ("1h") or cron ("0 */6 * * *"), and not both)";
  ExpectErrors(
      "schedules",
      {{"1h", {at + ": expected a list, found text"}},
       {"[1h]", {item + ": expected a mapping, found text"}},
       {"[{}]", {item + which}},
       {"[{every: 1h, cron: '0 * * * *'}]", {item + which}},
       {"[{every: 0s}]", {"48: clusters[0].backup.schedules[0].every: must be 1s or more"}},
       {"[{every: hourly}]",
        {"48: clusters[0].backup.schedules[0].every: \"hourly\" is not a duration; write "
         "it as 30s, 15m or 1h30m"}},
       {"[{every: 1h, jitter: 1h}]",
        {"60: clusters[0].backup.schedules[0].jitter: must be shorter than every"}},
       {"[{cron: '0 0 * * *', jitter: 24h}]",
        {"68: clusters[0].backup.schedules[0].jitter: must be shorter than a day"}},
       {"[{every: 1h, time_zone: UTC}]",
        {"63: clusters[0].backup.schedules[0].time_zone: is of no use without cron"}},
       {"[{every: 1h, class: 'a b'}]",
        {"59: clusters[0].backup.schedules[0].class: \"a b\" is no name; use letters, "
         "digits, _ . : and -, starting with a letter, a digit or _"}},
       {"[{every: 1h, skip_if_unchanged: perhaps}]",
        {"71: clusters[0].backup.schedules[0].skip_if_unchanged: \"perhaps\" is neither "
         "true nor false"}},
       {"[{every: 1h}, {every: 60m}]",
        {"53: clusters[0].backup.schedules[1]: is the second schedule called \"every 1h\"; "
         "give each a name of its own"}}});
}

TEST_F(BadBackupConfigFile, HasBadCronExpressionsAndTimeZones) {
  for (const std::string cron : {"", "* * * *", "60 * * * *", "0 0 31 2 x", "@never"}) {
    const std::string message = ErrorsOf(
        "clusters: [{name: a, endpoints: ['https://e:1'], backup: {directory: b, "
        "schedules: [{cron: '" +
        cron + "'}]}}]\n");
    EXPECT_NE(message.find("clusters[0].backup.schedules[0].cron: "), std::string::npos) << cron;
  }
  const std::string zone = ErrorsOf(
      "clusters: [{name: a, endpoints: ['https://e:1'], backup: {directory: b, "
      "schedules: [{cron: '0 0 * * *', time_zone: Mars/Olympus}]}}]\n");
  EXPECT_NE(zone.find("schedules[0].time_zone: "), std::string::npos) << zone;
}

TEST_F(BadBackupConfigFile, HasBadRetention) {
  const std::string rules = "clusters[0].backup.retention.rules";
  const std::string nothing =
      ": would keep nothing; say how much stays: keep_last, keep_within, hourly, daily, weekly, "
      "monthly, yearly or max_bytes";
  ExpectErrors(
      "retention",
      {{"{}", {"39: clusters[0].backup.retention.rules: is required"}},
       {"{rules: 7}", {"47: " + rules + ": expected a list, found text"}},
       {"{rules: [{}]}", {"48: " + rules + "[0]" + nothing}},
       {"{rules: [{class: manual}]}", {"48: " + rules + "[0]" + nothing}},
       {"{rules: [{keep_last: 0}]}", {"48: " + rules + "[0]" + nothing}},
       {"{rules: [{keep_last: -1}]}",
        {"48: " + rules + "[0]" + nothing,
         "60: " + rules + "[0].keep_last: \"-1\" is no whole number from 0 to 100000"}},
       {"{rules: [{daily: 100001}]}",
        {"48: " + rules + "[0]" + nothing,
         "56: " + rules + "[0].daily: \"100001\" is no whole number from 0 to 100000"}},
       {"{rules: [{daily: 1}, {weekly: 1}]}",
        {"60: " + rules + "[1]: is the second rule without a class"}},
       {"{rules: [{class: x, daily: 1}, {class: x, weekly: 1}]}",
        {"70: " + rules + "[1]: is the second rule of class \"x\""}},
       {"{rules: [{daily: 1}], keep_verified_min: 0}",
        {"80: clusters[0].backup.retention.keep_verified_min: \"0\" is no whole number from 1 to "
         "100000"}},
       {"{rules: [{daily: 1}], keep_quarantined: all}",
        {"79: clusters[0].backup.retention.keep_quarantined: \"all\" is no whole number from 0 to "
         "100000"}}});
}

TEST_F(BadBackupConfigFile, HasBadDestinations) {
  const std::string item = "clusters[0].backup.destinations[0]";
  const std::string remote = ": clusters[0].backup.destinations[0].remote: ";
  const auto far = [](const std::string& more) { return "[{name: f, remote: /mnt" + more + "}]"; };
  ExpectErrors(
      "destinations",
      {{"[{}]", {"43: " + item + ".name: is required", "43: " + item + ".remote: is required"}},
       {"[{name: f, remote: mnt}]",
        {"61" + remote + "\"mnt\" is neither remote:path nor an absolute path"}},
       {"[{name: f, remote: ':s3,key=x:b'}]",
        {"61" + remote + "must be a remote of rclone's configuration file, as s3:bucket/path"}},
       {"[{name: f, remote: 's3,key=x:b'}]",
        {"61" + remote + "must be a remote of rclone's configuration file, as s3:bucket/path"}},
       {"[{name: f, remote: '-:x'}]", {"61" + remote + "\"-:x\" is no remote"}},
       {far(", compression: gzip"),
        {"80: " + item + ".compression: must be none or zstd, not \"gzip\""}},
       {far(", compression_level: 3"),
        {"86: " + item + ".compression_level: is of no use without compression: zstd"}},
       {far(", compression: zstd, compression_level: 20"),
        {"105: " + item + ".compression_level: \"20\" is no whole number from 1 to 19"}},
       {far(", age_recipients: [x]"),
        {"84: " + item +
         ".age_recipients[0]: \"x\" is no recipient of age's (age1..., "
         "ssh-ed25519 ...)"}},
       {far(", age_recipients: [AGE-SECRET-KEY-1]"),
        {"84: " + item +
         ".age_recipients[0]: is a private key, which must not be on this machine; "
         "give the public one"}},
       {far(", age_recipients_file: missing"),
        {"88: " + item + ".age_recipients_file: open DIR/missing: No such file or directory"}},
       {far(", age_recipients_file: client.key"),
        {"88: " + item +
         ".age_recipients_file: holds a private key, which must not be on this "
         "machine; give the public ones"}},
       {far(", proof: none"), {"74: " + item + ".proof: must be hash or full, not \"none\""}},
       {far(", put_only: true, retention: {rules: [{daily: 1}]}"),
        {"94: " + item + ".retention: needs the right to delete, which put_only does without"}},
       {far(", retention: {rules: [{}]}"),
        {"87: " + item +
         ".retention.rules[0]: would keep nothing; say how much stays: keep_last, "
         "keep_within, hourly, daily, weekly, monthly, yearly or max_bytes"}},
       {far(", rclone_config: missing"),
        {"82: " + item + ".rclone_config: open DIR/missing: No such file or directory"}},
       {"[{name: f, remote: /a}, {name: f, remote: /b}]",
        {"73: clusters[0].backup.destinations[1].name: is already the name of another "
         "destination"}}});
}

TEST_F(BadBackupConfigFile, HasABadLock) {
  ExpectErrors(
      "lock",
      {{"true", {"34: clusters[0].backup.lock: expected a mapping, found text"}},
       {"{ttl: 4s}", {"40: clusters[0].backup.lock.ttl: must be 5s or more"}},
       {"{prefix: /}",
        {"43: clusters[0].backup.lock.prefix: must name a prefix of keys, as /etcd-warden"}},
       {"{}, schedules: [{every: 1h, skip_if_unchanged: true}]",
        {"81: clusters[0].backup.schedules[0].skip_if_unchanged: is of no use with lock, whose "
         "keys are changes"}}});
}

}  // namespace
}  // namespace warden::config
