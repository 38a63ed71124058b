// The real rclone against directories of this machine, servers of its own and a small object store.
#include "exporter/offsite/rclone.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "exporter/base/text.h"
#include "exporter/snapshot/digest.h"
#include "tests/offsite/put_only_store.h"
#include "tests/offsite/rclone_server.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace warden::offsite {
namespace {

using testing::PutOnlyStore;
using testing::RcloneServer;
using testing::TempDir;

Deadline Patience() {
  return {.at = SystemClock().Steady() + Seconds(60), .stop = {}};
}

std::string Sha256Of(std::string_view text) {
  snapshot::Sha256 digest;
  digest.Add(text);
  return FormatHex(digest.Digest());
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

mode_t ModeOf(const std::filesystem::path& path) {
  struct stat info = {};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

std::vector<std::string> NamesOf(const Result<std::vector<RemoteFile>>& files) {
  std::vector<std::string> names;
  if (files.ok()) {
    for (const RemoteFile& file : *files) names.push_back(file.name);
  }
  std::ranges::sort(names);
  return names;
}

// What every destination can do. Returns how its hashes prove the copy.
Proof CheckTheJourneyOfACopy(const Rclone& rclone) {
  const TempDir dir;
  const std::string content = std::string(300'000, 'x') + "end";
  const std::filesystem::path from = dir.Write("snapshot.db", content);
  PosixFiles files;
  const Result<Packed> packed = Measure(files, from, Sha256Of(content), Patience());

  EXPECT_FALSE(rclone.Stat("a.db", Patience())->has_value());
  const Status uploaded = rclone.Upload(from, "a.db", Patience());
  EXPECT_TRUE(uploaded.ok()) << uploaded.message();
  EXPECT_TRUE(rclone.Upload(dir.Write("m", "{}"), "a.json", Patience()).ok());
  // Again, since a try that seemed to fail may have been whole.
  EXPECT_TRUE(rclone.Upload(from, "a.db", Patience()).ok());
  EXPECT_EQ(NamesOf(rclone.List(Patience())), (std::vector<std::string>{"a.db", "a.json"}));

  const auto stat = rclone.Stat("a.db", Patience());
  EXPECT_TRUE(stat.ok() && stat->has_value()) << stat.status().message();
  if (!stat.ok() || !stat->has_value()) return Proof::kSizeOnly;
  EXPECT_EQ((*stat)->name, "a.db");
  const Result<Proof> proof = Prove(**stat, *packed);
  EXPECT_TRUE(proof.ok()) << proof.status().message();
  EXPECT_EQ(*rclone.HashWhole("a.db", Patience()), packed->digests.sha256);

  EXPECT_EQ(*rclone.Read("a.json", 2, Patience()), "{}");
  EXPECT_EQ(rclone.Read("a.json", 1, Patience()).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(rclone.Read("none", 10, Patience()).status().code(), Code::kNotFound);
  EXPECT_EQ(rclone.HashWhole("none", Patience()).status().code(), Code::kNotFound);

  EXPECT_TRUE(rclone.Download("a.db", dir / "back.db", Patience()).ok());
  EXPECT_EQ(ReadFile(dir / "back.db"), content);
  EXPECT_EQ(ModeOf(dir / "back.db"), 0600U);
  EXPECT_EQ(rclone.Download("a.db", dir / "back.db", Patience()).code(), Code::kAlreadyExists);
  EXPECT_EQ(rclone.Download("none", dir / "none", Patience()).code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(dir / "none"));

  EXPECT_TRUE(rclone.Remove("a.db", Patience()).ok());
  EXPECT_EQ(rclone.Remove("a.db", Patience()).code(), Code::kNotFound);
  EXPECT_EQ(NamesOf(rclone.List(Patience())), std::vector<std::string>{"a.json"});
  return *proof;
}

// A configuration with one section.
class Configuration {
 public:
  explicit Configuration(const std::string& settings)
      : path_(dir_.Write("rclone.conf", "[far]\n" + settings)) {}
  static std::string Obscured(const std::string& password) {
    return testing::Run({"rclone", "obscure", password}).output;
  }
  Rclone Remote(const std::string& remote) const {
    return Rclone({.remote = remote, .config_file = path_});
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  const TempDir dir_;
  const std::filesystem::path path_;
};

Configuration WebDav(const std::string& port, const std::string& password = "p") {
  return Configuration("type = webdav\nvendor = other\nuser = u\nurl = http://127.0.0.1:" + port +
                       "\npass = " + Configuration::Obscured(password));
}

TEST(Rclone, KeepsCopiesInADirectory) {
  const TempDir dir;
  EXPECT_EQ(CheckTheJourneyOfACopy(Rclone({.remote = dir / "mnt/copies"})), Proof::kHash);
  EXPECT_EQ(CheckTheJourneyOfACopy(Rclone({.remote = (dir / "other/").string()})), Proof::kHash);
}

TEST(Rclone, KeepsCopiesOnAnSftpServer) {
  const RcloneServer server("sftp");
  const Configuration configuration("type = sftp\nhost = 127.0.0.1\nuser = u\nport = " +
                                    server.port() + "\npass = " + Configuration::Obscured("p"));
  EXPECT_EQ(CheckTheJourneyOfACopy(configuration.Remote("far:a/b")), Proof::kHash);
  EXPECT_TRUE(std::filesystem::exists(server.directory() / "a/b/a.json"));
}

TEST(Rclone, KeepsCopiesOnAWebDavServer) {
  const RcloneServer server("webdav");
  // That protocol has no hashes: the file is read back.
  EXPECT_EQ(CheckTheJourneyOfACopy(WebDav(server.port()).Remote("far:")), Proof::kSizeOnly);
  EXPECT_TRUE(std::filesystem::exists(server.directory() / "a.json"));
}

TEST(Rclone, NeedsTheRightToPutAndNoOther) {
  const PutOnlyStore store;
  const TempDir dir;
  // With this, rclone 1.60 by itself refuses to talk to any object store.
  ::setenv("AWS_CA_BUNDLE", dir.Write("bundle", "").c_str(), 1);
  const Configuration configuration(
      "type = s3\nprovider = Other\naccess_key_id = k\nsecret_access_key = s\nendpoint = "
      "http://127.0.0.1:" +
      std::to_string(store.port()) + "\n");
  const Rclone rclone = configuration.Remote("far:bucket/etcd");
  const Status uploaded = rclone.Upload(dir.Write("from", "content"), "a.db", Patience());
  EXPECT_TRUE(uploaded.ok()) << uploaded.message();
  EXPECT_EQ(store.requests(), std::vector<std::string>{"PUT /bucket/etcd/a.db"});
  EXPECT_EQ(store.object(), "content");
  EXPECT_EQ(rclone.Stat("a.db", Patience()).status().code(), Code::kPermissionDenied);
  EXPECT_EQ(rclone.List(Patience()).status().code(), Code::kPermissionDenied);
  EXPECT_EQ(rclone.Read("a.db", 10, Patience()).status().code(), Code::kPermissionDenied);
  ::unsetenv("AWS_CA_BUNDLE");
}

TEST(Rclone, SaysWhatKindOfTroubleADestinationHas) {
  RcloneServer server("webdav");
  const TempDir dir;
  const std::filesystem::path from = dir.Write("from", "x");
  const Configuration good = WebDav(server.port());
  const Configuration stranger = WebDav(server.port(), "wrong");
  const auto code = [&](const Rclone& rclone) {
    const Code found = rclone.Stat("a", Patience()).status().code();
    EXPECT_EQ(rclone.Upload(from, "a", Patience()).code(), found);
    EXPECT_EQ(rclone.List(Patience()).status().code(), found);
    EXPECT_EQ(rclone.Read("a", 10, Patience()).status().code(), found);
    return found;
  };
  EXPECT_EQ(code(stranger.Remote("far:")), Code::kUnauthenticated);
  EXPECT_EQ(code(good.Remote("near:x")), Code::kNotFound);
  EXPECT_NE(good.Remote("near:x")
                .Upload(from, "a", Patience())
                .message()
                .find("didn't find section in config file"),
            std::string::npos);
  EXPECT_EQ(good.Remote("far:none").List(Patience()).status().code(), Code::kNotFound);
  server.Stop();
  EXPECT_EQ(good.Remote("far:").Stat("a", Patience()).status().code(), Code::kUnavailable);
  EXPECT_EQ(good.Remote("far:").Upload(from, "a", Patience()).code(), Code::kUnavailable);
}

TEST(Rclone, PutsFilesIntoADirectoryWholeAndForTheOwnerOnly) {
  const TempDir dir;
  const Rclone rclone({.remote = dir / "copies"});
  std::filesystem::create_directory(dir / "copies");
  dir.Write("copies/a.db.partial", "of an upload that was cut off");
  // Links are followed: rclone itself would take one for a directory.
  std::filesystem::create_symlink(dir.Write("real", "content"), dir / "link");
  const Status uploaded = rclone.Upload(dir / "link", "a.db", Patience());
  ASSERT_TRUE(uploaded.ok()) << uploaded.message();
  EXPECT_EQ(ReadFile(dir / "copies/a.db"), "content");
  EXPECT_EQ(ModeOf(dir / "copies/a.db"), 0600U);
  EXPECT_EQ(NamesOf(rclone.List(Patience())), std::vector<std::string>{"a.db"});

  EXPECT_EQ(rclone.Upload(dir / "none", "a.db", Patience()).code(), Code::kNotFound);
  EXPECT_EQ(ReadFile(dir / "copies/a.db"), "content");
  EXPECT_FALSE(std::filesystem::exists(dir / "copies/a.db.partial"));
}

TEST(Rclone, CopiesAnEmptyFile) {
  const TempDir dir;
  const Rclone rclone({.remote = dir / "copies"});
  ASSERT_TRUE(rclone.Upload(dir.Write("from", ""), "a", Patience()).ok());
  EXPECT_EQ((*rclone.Stat("a", Patience()))->size_bytes, 0U);
  EXPECT_EQ(*rclone.Read("a", 10, Patience()), "");
}

TEST(Rclone, ListsFilesOnly) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "sub");
  dir.Write("sub/inner", "x");
  dir.Write("a b{c}*", "xy");
  const Result<std::vector<RemoteFile>> files = Rclone({.remote = dir.path()}).List(Patience());
  ASSERT_EQ(NamesOf(files), std::vector<std::string>{"a b{c}*"});
  EXPECT_EQ((*files)[0].size_bytes, 2U);
  EXPECT_FALSE(Rclone({.remote = dir.path()}).Stat("sub", Patience())->has_value());
  EXPECT_TRUE(Rclone({.remote = dir.path()}).Stat("a b{c}*", Patience())->has_value());
}

TEST(Rclone, EndsWithItsDeadlineAndLeavesNothingHalfDone) {
  const TempDir dir;
  // A byte per second.
  const Rclone slow({.remote = dir / "copies", .bandwidth_limit = "1"});
  const std::filesystem::path from = dir.Write("from", std::string(3'000'000, 'x'));
  const Deadline soon{.at = SystemClock().Steady() + Milliseconds(500), .stop = {}};
  EXPECT_EQ(slow.Upload(from, "a", soon).code(), Code::kDeadlineExceeded);
  EXPECT_TRUE(std::filesystem::is_empty(dir / "copies"));
}

TEST(Rclone, RefusesNamesThatLeaveTheDirectory) {
  const TempDir dir;
  const Rclone rclone({.remote = dir / "copies"});
  for (const std::string name : {"", ".", "..", ".hidden", "a/b", "/etc/passwd", "../a", "a\nb"}) {
    EXPECT_EQ(rclone.Remove(name, Patience()).code(), Code::kInvalidArgument) << name;
    EXPECT_EQ(rclone.Upload(dir.path(), name, Patience()).code(), Code::kInvalidArgument) << name;
    EXPECT_EQ(rclone.Stat(name, Patience()).status().code(), Code::kInvalidArgument) << name;
  }
}

TEST(Rclone, TakesRemotesThatHoldNoSecrets) {
  for (const char* good : {"s3eu:bucket/etcd", "s3eu:", "my remote:x", "a.b-c_d:x:y", "/mnt/etcd",
                           "/mnt/with:colon"}) {
    EXPECT_TRUE(CheckRemote(good).ok()) << good;
  }
  for (const char* bad : {"", "mnt", "./mnt", "-v:", ":s3,access_key_id=k:bucket", ":local:/mnt",
                          "s3eu,secret_access_key=s:bucket", "a\n:b", "--config=x:"}) {
    EXPECT_EQ(CheckRemote(bad).code(), Code::kInvalidArgument) << bad;
    EXPECT_EQ(Rclone({.remote = bad}).List(Patience()).status().code(), Code::kInvalidArgument);
    EXPECT_EQ(Rclone({.remote = bad}).Stat("a", Patience()).status().code(),
              Code::kInvalidArgument);
  }
  EXPECT_EQ(RemoteName("s3eu:bucket:x"), "s3eu");
  EXPECT_EQ(RemoteName("/mnt/a:b"), "");
}

TEST(Rclone, ListsTheSectionsOfAConfiguration) {
  const TempDir dir;
  const std::filesystem::path config =
      dir.Write("c", "[one]\ntype = local\n[two b]\ntype = sftp\n");
  EXPECT_EQ(*Rclone::ListRemotes(config, Patience()), (std::vector<std::string>{"one", "two b"}));
  EXPECT_FALSE(Rclone::ListRemotes(dir.path(), Patience()).ok());
  // One with a password: nobody is asked for it.
  EXPECT_FALSE(Rclone::ListRemotes(dir.Write("e", "RCLONE_ENCRYPT_V0:\n" + std::string(200, 'A')),
                                   Patience())
                   .ok());
}

TEST(Rclone, SaysThatItIsNotInstalled) {
  const TempDir dir;
  const Rclone absent({.remote = "/mnt"}, "no-such-rclone");
  EXPECT_EQ(absent.List(Patience()).status().message(),
            "list /mnt: no-such-rclone is not installed, or not in PATH");
}

TEST(Prove, ComparesWhatBothSidesKnow) {
  const Packed packed{.size_bytes = 5, .digests = {.md5 = "a1", .sha1 = "", .sha256 = "c3"}};
  struct Case {
    std::uint64_t size_bytes;
    std::map<std::string, std::string> hashes;
    Code code;
    Proof proof;
  };
  const Case cases[] = {
      {5, {{"md5", "a1"}}, Code::kOk, Proof::kHash},
      {5, {{"md5", "a1"}, {"sha256", "c3"}}, Code::kOk, Proof::kHash},
      {5, {}, Code::kOk, Proof::kSizeOnly},
      {5, {{"md5", ""}}, Code::kOk, Proof::kSizeOnly},
      {5, {{"sha1", "b2"}}, Code::kOk, Proof::kSizeOnly},
      {5, {{"crc32", "d4"}}, Code::kOk, Proof::kSizeOnly},
      {4, {{"md5", "a1"}}, Code::kDataLoss, {}},
      {5, {{"md5", "a1"}, {"sha256", "c4"}}, Code::kDataLoss, {}},
  };
  for (const Case& each : cases) {
    const Result<Proof> proof =
        Prove({.name = "x", .size_bytes = each.size_bytes, .hashes = each.hashes}, packed);
    EXPECT_EQ(proof.status().code(), each.code);
    if (proof.ok()) {
      EXPECT_EQ(*proof, each.proof);
    }
  }
  EXPECT_EQ(Prove({.name = "x", .size_bytes = 4}, packed).status().message(),
            "x: its size there is 4, not 5");
}

}  // namespace
}  // namespace warden::offsite
