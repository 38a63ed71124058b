// What rclone 1.60 was seen to say, and what of it reaches whoever has to act.
#include "exporter/offsite/rclone_errors.h"

#include <gtest/gtest.h>

#include <string>

namespace warden::offsite {
namespace {

struct Case {
  int exit_code;
  std::string errors;
  Code code;
  std::string message;
};

const Case kCases[] = {
    {1,
     "2026/11/25 12:52:49 Failed to create file system for destination \"x:d/\": didn't find "
     "section "
     "in config file\n",
     Code::kNotFound,
     "Failed to create file system for destination \"x:d/\": didn't find section in config file"},
    {3,
     "2026/11/25 12:52:49 ERROR : : error listing: directory not found\n"
     "2026/11/25 12:52:49 Failed to lsjson with 2 errors: last error was: error in ListJSON: "
     "directory not found\n",
     Code::kNotFound, "error in ListJSON: directory not found"},
    {1,
     "2026/11/25 12:53:48 ERROR : Attempt 1/1 failed with 1 errors and: wd:n is a directory or "
     "doesn't exist\n"
     "2026/11/25 12:53:48 Failed to deletefile: wd:n is a directory or doesn't exist\n",
     Code::kNotFound, "Failed to deletefile: wd:n is a directory or doesn't exist"},
    {1,
     "2026/11/25 12:54:23 ERROR : a.db: Failed to copy: AccessDenied: Access Denied\n"
     "\tstatus code: 403, request id: , host id: \n"
     "2026/11/25 12:54:23 Failed to copyto: AccessDenied: Access Denied\n"
     "\tstatus code: 403, request id: 7, host id: 8\n",
     Code::kPermissionDenied,
     "Failed to copyto: AccessDenied: Access Denied, status code: 403, request id: 7, host id: 8"},
    {1,
     "2026/11/25 12:53:48 Failed to copyto: mkParentDir failed: Unauthorized: 401 Unauthorized\n",
     Code::kUnauthenticated,
     "Failed to copyto: mkParentDir failed: Unauthorized: 401 Unauthorized"},
    {1,
     "2026/11/25 12:53:52 Failed to create file system for \"s:b\": NewFs: couldn't connect SSH: "
     "ssh: "
     "handshake failed: ssh: unable to authenticate, attempted methods [none password]\n",
     Code::kUnauthenticated,
     "Failed to create file system for \"s:b\": NewFs: couldn't connect SSH: ssh: handshake "
     "failed: "
     "ssh: unable to authenticate, attempted methods [none password]"},
    {5, "2026/11/25 12:53:51 Failed to copyto: dial tcp 127.0.0.1:1: connect: connection refused\n",
     Code::kUnavailable, "Failed to copyto: dial tcp 127.0.0.1:1: connect: connection refused"},
    {1, "2026/11/25 12:53:51 Failed to cat: lookup h on 127.0.0.53:53: no such host\n",
     Code::kUnavailable, "Failed to cat: lookup h on 127.0.0.53:53: no such host"},
    {1, "2026/11/25 12:53:51 Failed to cat: net/http: TLS handshake timeout\n", Code::kUnavailable,
     "Failed to cat: net/http: TLS handshake timeout"},
    {1, "2026/11/25 12:54:28 Failed to copyto: write /mnt/x: no space left on device\n",
     Code::kResourceExhausted, "Failed to copyto: write /mnt/x: no space left on device"},
    {1,
     "2026/11/25 12:54:28 Failed to copyto: preallocate: file too big for remaining disk space\n",
     Code::kResourceExhausted,
     "Failed to copyto: preallocate: file too big for remaining disk space"},
    {5, "2026/11/25 12:54:28 Failed to copyto: something new\n", Code::kUnavailable,
     "Failed to copyto: something new"},
    {4, "2026/11/25 12:54:28 Failed to cat: something new\n", Code::kNotFound,
     "Failed to cat: something new"},
    {1, "2026/11/25 12:54:28 Failed to cat: something new\n", Code::kUnknown,
     "Failed to cat: something new"},
};

TEST(RcloneErrors, SayWhyAndWhatKindOfTroubleItIs) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.errors);
    const Status status =
        StatusOf({.program = "rclone", .exit_code = each.exit_code, .errors = each.errors});
    EXPECT_EQ(status.code(), each.code);
    EXPECT_EQ(status.message(), "rclone: " + each.message);
  }
}

TEST(RcloneErrors, AreNoneAfterASuccessWhateverItWrote) {
  // Hashes that a destination does not know are errors to it.
  EXPECT_TRUE(
      StatusOf({.program = "rclone",
                .errors = "2026/11/25 12:53:48 ERROR : b.db: Failed to read hash: hash type "
                          "not supported\n"})
          .ok());
}

TEST(RcloneErrors, NameTheEndOfAProgramThatSaidNothing) {
  EXPECT_EQ(StatusOf({.program = "rclone", .exit_code = 2}).message(), "rclone exited with 2");
  const Status killed = StatusOf(
      {.program = "rclone", .exit_code = -1, .signal = 9, .errors = "2026/11/25 12:53:48 x\n"});
  EXPECT_EQ(killed.code(), Code::kUnavailable);
  EXPECT_EQ(killed.message(), "rclone was ended by signal 9: 2026/11/25 12:53:48 x");
}

}  // namespace
}  // namespace warden::offsite
