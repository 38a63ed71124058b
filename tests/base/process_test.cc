// Programs as they are run: real ones, among them some that do not want to end.
#include "exporter/base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/support/temp_dir.h"

namespace warden {
namespace {

using testing::TempDir;

// Long enough for any machine; no test waits for it.
Deadline Patience(std::stop_token stop = {}) {
  return {.at = SystemClock().Steady() + Seconds(60), .stop = std::move(stop)};
}

Command Shell(const std::string& script) {
  return {.argv = {"sh", "-c", script}};
}

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Outcome {
  Result<Ended> ended;
  std::string output;
};

Outcome RunToText(Command command, const Deadline& deadline = Patience()) {
  std::string output;
  command.sink = [&](std::span<const std::byte> bytes) {
    output += Text(bytes);
    return Status();
  };
  Result<Ended> ended = RunProgram(command, deadline);
  return {std::move(ended), std::move(output)};
}

// Whether this process has no child left, not even a dead one.
bool HasNoChild() {
  return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
}

bool IsGone(pid_t pid) {
  return ::kill(pid, 0) != 0 && errno == ESRCH;
}

TEST(Process, ReportsHowAProgramEnded) {
  struct Case {
    const char* script;
    Code code;
    std::string message;
  };
  const Case cases[] = {
      {"exit 0", Code::kOk, ""},
      {"exit 3", Code::kUnknown, "sh exited with 3"},
      {"echo a >&2; echo; echo b >&2; exit 1", Code::kUnknown, "sh exited with 1: a; b"},
      {"for i in 1 2 3 4 5; do echo $i >&2; done; exit 9", Code::kUnknown,
       "sh exited with 9: 3; 4; 5"},
      {"printf 'a\\tb\\033c' >&2; exit 1", Code::kUnknown, "sh exited with 1: a b c"},
      {"kill -9 $$", Code::kUnavailable, "sh was ended by signal 9"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.script);
    const Result<Ended> ended = RunProgram(Shell(each.script), Patience());
    ASSERT_TRUE(ended.ok()) << ended.status().message();
    EXPECT_EQ(ended->ToStatus().code(), each.code);
    EXPECT_EQ(ended->ToStatus().message(), each.message);
    EXPECT_TRUE(HasNoChild());
  }
}

TEST(Process, SaysThatAProgramIsNotInstalled) {
  const TempDir dir;
  const std::string data = dir.Write("data", "not to be run");
  for (const std::string& name : {std::string("no-such-program"), data, std::string()}) {
    const Result<Ended> ended = RunProgram({.argv = {name}}, Patience());
    EXPECT_EQ(ended.status().code(), Code::kNotFound) << name;
    EXPECT_EQ(ended.status().message(), name + " is not installed, or not in PATH");
  }
  EXPECT_EQ(RunProgram({}, Patience()).status().code(), Code::kInvalidArgument);
}

TEST(Process, SaysThatAProgramCannotBeStarted) {
  const TempDir dir;
  const std::filesystem::path script = dir.Write("script", "#!/no/such/interpreter\n");
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  const Result<Ended> ended = RunProgram({.argv = {script}}, Patience());
  // By us, or by the program that binds it to our life.
  const std::string said = ended.ok() ? ended->ToStatus().message() : ended.status().message();
  EXPECT_NE(said.find(script.string()), std::string::npos) << said;
  EXPECT_NE(said.find("No such file or directory"), std::string::npos) << said;
}

TEST(Process, FindsProgramsInPathOnly) {
  EXPECT_TRUE(FindProgram("sh").has_value());
  EXPECT_TRUE(FindProgram("/bin/sh").has_value());
  EXPECT_FALSE(FindProgram("no-such-program").has_value());
  EXPECT_FALSE(FindProgram("/bin").has_value());
  EXPECT_FALSE(FindProgram("").has_value());
}

TEST(Process, PassesArgumentsAsTheyAre) {
  const Outcome outcome = RunToText({.argv = {"printf", "%s|", "a b", "$HOME", ";", "*", ""}});
  EXPECT_EQ(outcome.output, "a b|$HOME|;|*||");
}

TEST(Process, AddsToTheEnvironmentAndReplacesInIt) {
  ::setenv("WARDEN_TEST_KEPT", "kept", 1);
  ::setenv("WARDEN_TEST_REPLACED", "old", 1);
  Command command = Shell("echo $WARDEN_TEST_KEPT $WARDEN_TEST_REPLACED $WARDEN_TEST_ADDED");
  command.environment = {"WARDEN_TEST_REPLACED=new", "WARDEN_TEST_ADDED=added"};
  EXPECT_EQ(RunToText(command).output, "kept new added\n");
}

TEST(Process, FeedsAndReadsMoreThanPipesHoldWithoutADeadlock) {
  // cat writes as it reads, so whoever first wrote everything would wait for ever.
  constexpr std::size_t kPieces = 100;
  const std::string piece(100'000, 'x');
  std::size_t given = 0;
  std::size_t taken = 0;
  const Command command = {.argv = {"cat"},
                           .source = [&]() -> Result<std::span<const std::byte>> {
                             return ++given > kPieces ? std::span<const std::byte>()
                                                      : std::as_bytes(std::span(piece));
                           },
                           .sink =
                               [&](std::span<const std::byte> bytes) {
                                 taken += bytes.size();
                                 return Status();
                               }};
  const Result<Ended> ended = RunProgram(command, Patience());
  ASSERT_TRUE(ended.ok()) << ended.status().message();
  EXPECT_TRUE(ended->succeeded());
  EXPECT_TRUE(ended->took_all_input);
  EXPECT_EQ(taken, kPieces * piece.size());
}

TEST(Process, TellsThatAProgramDidNotWantAllOfItsInput) {
  const std::string piece(1'000'000, 'x');
  // No end of input at all; a write to the program that has gone must not end the test by SIGPIPE.
  Command command = Shell("exec head -c 5");
  command.source = [&]() -> Result<std::span<const std::byte>> {
    return std::as_bytes(std::span(piece));
  };
  const Outcome outcome = RunToText(command);
  ASSERT_TRUE(outcome.ended.ok());
  EXPECT_TRUE(outcome.ended->succeeded());
  EXPECT_FALSE(outcome.ended->took_all_input);
  EXPECT_EQ(outcome.output, "xxxxx");
}

TEST(Process, ReadsAndWritesOpenFiles) {
  const TempDir dir;
  const std::filesystem::path from = dir.Write("from", "content");
  const int in = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  const int out = ::open((dir / "to").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const Command command = {
      .argv = {"tr", "a-z", "A-Z"}, .stdin_descriptor = in, .stdout_descriptor = out};
  EXPECT_TRUE(RunProgram(command, Patience())->succeeded());
  ::close(in);
  ::close(out);
  std::ifstream file(dir / "to");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "CONTENT");
}

TEST(Process, GivesNothingToReadIfNothingIsGiven) {
  EXPECT_EQ(RunToText({.argv = {"wc", "-c"}}).output, "0\n");
}

TEST(Process, LeavesTheProgramNoOtherFileAndNoBlockedSignal) {
  const int inheritable = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  sigset_t signals;
  sigset_t before;
  sigfillset(&signals);
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  const auto pipe_handler = ::signal(SIGPIPE, SIG_IGN);
  const Outcome files = RunToText(Shell("ls /proc/self/fd"));
  const Outcome blocked = RunToText(Shell("sed -n 's/^SigBlk:.//p' /proc/self/status"));
  const Outcome ignored = RunToText(Shell("sed -n 's/^SigIgn:.//p' /proc/self/status"));
  ::signal(SIGPIPE, pipe_handler);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(inheritable);
  // The fourth is the directory that ls lists.
  EXPECT_EQ(files.output, "0\n1\n2\n3\n");
  EXPECT_EQ(std::stoull(blocked.output, nullptr, 16), 0U);
  // Signals 32 and 33 are the C library's own.
  EXPECT_EQ(std::stoull(ignored.output, nullptr, 16) & 0x7fff'ffffU, 0U);
}

TEST(Process, KeepsTheEndOfWhatAProgramComplainsAbout) {
  const Result<Ended> ended = RunProgram(
      Shell("head -c 100000000 /dev/zero | tr '\\0' x >&2; echo; echo the end >&2; exit 1"),
      Patience());
  ASSERT_TRUE(ended.ok()) << ended.status().message();
  EXPECT_EQ(ended->errors.size(), Ended::kErrorBytes);
  EXPECT_TRUE(ended->errors.ends_with("xthe end\n"));
}

TEST(Process, EndsAProgramAtTheDeadline) {
  const Deadline soon = {.at = SystemClock().Steady() + Milliseconds(100), .stop = {}};
  const Result<Ended> ended = RunProgram({.argv = {"sleep", "600"}}, soon);
  EXPECT_EQ(ended.status().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(ended.status().message(), "sleep: not finished in time");
  EXPECT_TRUE(HasNoChild());
}

TEST(Process, EndsAProgramThatIgnoresTheRequestToEnd) {
  const TempDir dir;
  std::stop_source stop;
  Command command = Shell("trap '' TERM; echo $$; while :; do sleep 0.1; done");
  pid_t pid = -1;
  command.sink = [&](std::span<const std::byte> bytes) {
    pid = std::stoi(std::string(Text(bytes)));
    stop.request_stop();  // it runs, and ignores the signal from now on
    return Status();
  };
  const Result<Ended> ended = RunProgram(command, Patience(stop.get_token()));
  EXPECT_EQ(ended.status().code(), Code::kCancelled);
  EXPECT_EQ(ended.status().message(), "sh: cancelled");
  EXPECT_TRUE(HasNoChild());
  ASSERT_GT(pid, 0);
  EXPECT_TRUE(IsGone(pid));
}

TEST(Process, LetsAProgramTidyUpAtAStop) {
  const TempDir dir;
  std::stop_source stop;
  Command command = Shell("trap 'rm partial; exit 1' TERM; touch partial; echo; sleep 600 & wait");
  command.argv[2] = "cd " + dir.path().string() + "; " + command.argv[2];
  command.sink = [&](std::span<const std::byte>) {
    EXPECT_TRUE(std::filesystem::exists(dir / "partial"));
    stop.request_stop();
    return Status();
  };
  EXPECT_EQ(RunProgram(command, Patience(stop.get_token())).status().code(), Code::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(dir / "partial"));
}

TEST(Process, IsWokenByAStopFromAnotherThread) {
  std::stop_source stop;
  std::jthread stopper;
  Command command = Shell("echo; exec sleep 600");
  command.sink = [&](std::span<const std::byte>) {
    stopper = std::jthread([&] { stop.request_stop(); });
    return Status();
  };
  EXPECT_EQ(RunProgram(command, Patience(stop.get_token())).status().code(), Code::kCancelled);
}

TEST(Process, StartsNothingAfterAStop) {
  const TempDir dir;
  std::stop_source stop;
  stop.request_stop();
  const std::string file = dir / "started";
  EXPECT_EQ(RunProgram({.argv = {"touch", file}}, Patience(stop.get_token())).status().code(),
            Code::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(Process, LeavesNothingOfTheGroupBehind) {
  const Outcome outcome = RunToText(Shell("sleep 600 & echo $!"));
  ASSERT_TRUE(outcome.ended.ok()) << outcome.ended.status().message();
  EXPECT_TRUE(outcome.ended->succeeded());
  // Killed, and whoever adopted it may still have to bury it.
  const std::string state = "/proc/" + outcome.output.substr(0, outcome.output.size() - 1);
  std::ifstream stat(state + "/stat");
  std::string text;
  while (std::getline(stat, text) && text.find(") Z ") == std::string::npos) {
    std::this_thread::yield();
    stat = std::ifstream(state + "/stat");
  }
  EXPECT_TRUE(HasNoChild());
}

TEST(Process, FailsAsWhoeverFeedsOrReadsIt) {
  const Status failure(Code::kResourceExhausted, "write x: No space left on device");
  Command failing_sink = {.argv = {"cat", "/dev/zero"}, .sink = [&](auto) { return failure; }};
  Command failing_source = {
      .argv = {"cat"}, .source = [&]() -> Result<std::span<const std::byte>> { return failure; }};
  for (const Command* command : {&failing_sink, &failing_source}) {
    const Result<Ended> ended = RunProgram(*command, Patience());
    EXPECT_EQ(ended.status().code(), failure.code());
    EXPECT_EQ(ended.status().message(), failure.message());
    EXPECT_TRUE(HasNoChild());
  }
}

TEST(Process, RunsManyAtATime) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([i] {
      const std::string text = std::to_string(i);
      for (int again = 0; again < 5; ++again) {
        EXPECT_EQ(RunToText({.argv = {"echo", text}}).output, text + "\n");
      }
    });
  }
  threads.clear();
  EXPECT_TRUE(HasNoChild());
}

}  // namespace
}  // namespace warden
