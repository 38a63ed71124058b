// Which etcd a drill starts.
#include "exporter/restore/drill_programs.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/temp_dir.h"

namespace warden::restore {
namespace {

std::filesystem::path Script(const testing::TempDir& dir, const std::string& name,
                             const std::string& text) {
  const auto path = dir.Write(name, "#!/bin/sh\n" + text + "\n");
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

TEST(DrillPrograms, ReadWhatEtcdPrints) {
  EXPECT_EQ(*ParseEtcdVersion("etcd Version: 3.5.16\nGit SHA: f20bbad40\nGo Version: go1.22\n"),
            "3.5.16");
  EXPECT_EQ(*ParseEtcdVersion("warning\netcd Version: 3.6.0-rc.1"), "3.6.0-rc.1");
  for (const char* other : {"", "etcdctl version: 3.5.16", "etcd Version: ", "etcd Version: a b"}) {
    EXPECT_FALSE(ParseEtcdVersion(other).ok()) << other;
  }
}

TEST(DrillPrograms, AreAskedForTheirVersion) {
  const testing::TempDir dir;
  // As etcd does, which takes flags from the environment.
  setenv("ETCD_NAME", "ours", 1);
  const EtcdPrograms programs =
      FindEtcdPrograms({Script(dir, "good",
                               "[ \"$1\" = --version ] || exit 1\n[ -z \"$ETCD_NAME\" ] || exit 2\n"
                               "echo 'etcd Version: 3.4.23'"),
                        dir / "missing", Script(dir, "other", "echo hello"),
                        Script(dir, "broken", "echo 'no such flag' >&2; exit 2"),
                        Script(dir, "talker", "yes 'etcd version'"),
                        Script(dir, "future", "echo 'etcd Version: 3.9.0'")},
                       {.at = SystemClock().Steady() + Seconds(2), .stop = {}});
  unsetenv("ETCD_NAME");
  ASSERT_EQ(programs.found.size(), 1U);
  EXPECT_EQ(programs.found[0].path, dir / "good");
  EXPECT_EQ(programs.found[0].version, "3.4.23");
  EXPECT_EQ(programs.found[0].target, Target::k34);
  ASSERT_EQ(programs.complaints.size(), 5U);
  EXPECT_EQ(programs.complaints[0],
            (dir / "missing").string() + ": is not installed, or not in PATH");
  EXPECT_NE(programs.complaints[1].find("does not say that it is etcd"), std::string::npos);
  EXPECT_NE(programs.complaints[2].find("no such flag"), std::string::npos);
  EXPECT_NE(programs.complaints[3].find("not finished in time"), std::string::npos);
}

TEST(DrillPrograms, AreChosenByTheOldestThatIsNotTooOld) {
  const EtcdProgram p34{.path = "/34", .version = "3.4.23", .target = Target::k34};
  const EtcdProgram p35{.path = "/35", .version = "3.5.16", .target = Target::k35};
  const EtcdProgram p35b{.path = "/35b", .version = "3.5.30", .target = Target::k35};
  const EtcdProgram p37{.path = "/37", .version = "3.7.1", .target = Target::k37};
  struct Case {
    std::vector<EtcdProgram> found;
    Target minimum;
    std::string chosen;
  };
  const Case cases[] = {
      {{p37, p35, p34}, Target::k34, "/34"}, {{p37, p35, p35b, p34}, Target::k35, "/35"},
      {{p34, p37, p35}, Target::k36, "/37"}, {{p35b, p35}, Target::k34, "/35b"},
      {{p37}, Target::k37, "/37"},
  };
  for (const Case& each : cases) {
    const auto chosen = ChooseEtcd({.found = each.found, .complaints = {}}, each.minimum);
    ASSERT_TRUE(chosen.ok()) << chosen.status().message();
    EXPECT_EQ(chosen->path, each.chosen);
  }
  const auto none =
      ChooseEtcd({.found = {p34, p35}, .complaints = {"etcd: is not installed"}}, Target::k36);
  EXPECT_EQ(none.status().code(), Code::kNotFound);
  EXPECT_EQ(none.status().message(),
            "no etcd 3.6 or newer is here to start (etcd: is not installed; /34 is 3.4.23; /35 is "
            "3.5.16)");
}

}  // namespace
}  // namespace warden::restore
