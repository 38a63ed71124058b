#include "exporter/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

#include "exporter/base/text.h"

namespace warden {
namespace {

// How long a program has to end on SIGTERM.
constexpr Seconds kGrace{2};
// How often it is asked whether it has ended, on a kernel that cannot tell by itself.
constexpr Milliseconds kTick{20};
constexpr std::size_t kErrorLinesShown = 3;
// A pipe holds that many pieces at most.
constexpr int kPipePieces = 16;

Status SystemError(std::string_view action, int error) {
  return {Code::kUnavailable, std::string(action) + ": " + std::generic_category().message(error)};
}

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

// The same file under a number above those of the standard streams, so that what becomes the
// program's stdin is never in the way of what becomes its stdout.
Descriptor Duplicate(int fd) {
  return Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

// Our end of a pipe does not block; the program's does, as programs expect.
struct Pipe {
  Descriptor ours;
  Descriptor theirs;
};

Result<Pipe> MakePipe(bool we_write) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return SystemError("make a pipe", errno);
  const Descriptor read_end(ends[0]);
  const Descriptor write_end(ends[1]);
  Pipe pipe{.ours = Duplicate(we_write ? write_end.get() : read_end.get()),
            .theirs = Duplicate(we_write ? read_end.get() : write_end.get())};
  if (!pipe.ours.valid() || !pipe.theirs.valid() ||
      ::fcntl(pipe.ours.get(), F_SETFL, O_NONBLOCK) < 0) {
    return SystemError("make a pipe", errno);
  }
  return pipe;
}

// An open file that the caller keeps, or /dev/null.
Result<Descriptor> Given(int fd) {
  const Descriptor null(fd < 0 ? ::open("/dev/null", O_RDWR | O_CLOEXEC) : -1);
  Descriptor descriptor = Duplicate(fd < 0 ? null.get() : fd);
  if (!descriptor.valid()) return SystemError("open a file for a program", errno);
  return descriptor;
}

// While it lives, a write to a program that no longer reads fails instead of ending us.
class NoBrokenPipeSignal {
 public:
  NoBrokenPipeSignal() {
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  ~NoBrokenPipeSignal() {
    if (sigismember(&before_, SIGPIPE) == 1) return;
    const timespec at_once{};
    while (sigtimedwait(&signal_, nullptr, &at_once) < 0 && errno == EINTR) continue;
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t signal_{};
  sigset_t before_{};
};

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& each : texts) pointers.push_back(each.data());
  pointers.push_back(nullptr);
  return pointers;
}

// The program under util-linux's setpriv, if it is there: it has the kernel end the program when
// the thread that started it is gone, however that ended. posix_spawn has no word for it.
std::vector<std::string> BoundToUs(const std::filesystem::path& program,
                                   std::vector<std::string> argv) {
  argv[0] = program.string();
  if (const auto setpriv = FindProgram("setpriv")) {
    argv.insert(argv.begin(), {setpriv->string(), "--pdeathsig", "KILL", "--"});
  }
  return argv;
}

// Starts the program as the leader of a new session, thus of a new process group, with these
// standard streams. It inherits no other file, no blocked and no ignored signal, and no terminal on
// which it could ask somebody for a password.
Result<pid_t> Spawn(const std::filesystem::path& program, const Command& command,
                    const std::array<int, 3>& streams) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  for (int stream = 0; stream < 3; ++stream) {
    posix_spawn_file_actions_adddup2(&actions, streams[static_cast<std::size_t>(stream)], stream);
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  std::vector<std::string> argv = BoundToUs(program, command.argv);
  std::vector<std::string> environment = EnvironmentWith(command.environment);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, argv[0].c_str(), &actions, &attributes,
                                  Pointers(argv).data(), Pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return SystemError("start " + program.string(), error);
  return pid;
}

// One program from its start to its end. Destroying it ends the program.
class Running {
 public:
  Running(const Command& command, const Deadline& deadline)
      : command_(command), deadline_(deadline), buffer_(std::size_t{64} << 10) {}
  ~Running() {
    if (pid_ > 0) Reap();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  Status Start(const std::filesystem::path& program) {
    wake_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_.valid()) return SystemError("make an eventfd", errno);
    WARDEN_ASSIGN_OR_RETURN(Descriptor input, Connect(command_.source != nullptr, true, stdin_,
                                                      command_.stdin_descriptor));
    WARDEN_ASSIGN_OR_RETURN(Descriptor output, Connect(command_.sink != nullptr, false, stdout_,
                                                       command_.stdout_descriptor));
    WARDEN_ASSIGN_OR_RETURN(const Descriptor errors, Connect(true, false, stderr_, -1));
    WARDEN_ASSIGN_OR_RETURN(pid_,
                            Spawn(program, command_, {input.get(), output.get(), errors.get()}));
    exit_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    return {};
  }

  Result<Ended> Finish() {
    const std::stop_callback wake(deadline_.stop, [this] {
      const std::uint64_t one = 1;
      (void)!::write(wake_.get(), &one, sizeof(one));
    });
    bool ended = false;
    while (!ended) {
      ended = Await();
      CheckTime();
      if (!ended) Feed();
      Drain(stdout_);
      Drain(stderr_);
    }
    Ended result = Reap();
    if (!failure_.ok()) return failure_;
    return result;
  }

 private:
  // The program's end of a pipe to us, or of what was given for the stream instead.
  static Result<Descriptor> Connect(bool piped, bool we_write, Descriptor& ours, int given) {
    if (!piped) return Given(given);
    WARDEN_ASSIGN_OR_RETURN(Pipe pipe, MakePipe(we_write));
    ours = std::move(pipe.ours);
    return std::move(pipe.theirs);
  }

  // Waits until there is something to do; true once the program has ended.
  bool Await() {
    std::array<pollfd, 5> watched{{{failure_.ok() ? wake_.get() : -1, POLLIN, 0},
                                   {exit_.get(), POLLIN, 0},
                                   {stdin_.get(), POLLOUT, 0},
                                   {stdout_.get(), POLLIN, 0},
                                   {stderr_.get(), POLLIN, 0}}};
    ::poll(watched.data(), watched.size(), PatienceInMilliseconds());
    if (exit_.valid() && watched[1].revents == 0) return false;
    siginfo_t info{};
    // WNOWAIT: as long as it is a zombie, nobody else gets its id.
    const int found = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return found < 0 ? errno != EINTR : info.si_pid == pid_;
  }

  int PatienceInMilliseconds() const {
    if (killed_) return exit_.valid() ? -1 : static_cast<int>(kTick.count());
    const SteadyTime until = failure_.ok() ? deadline_.at : kill_at_;
    const SteadyTime now = SystemClock().Steady();
    if (until <= now) return 0;
    const Milliseconds most = exit_.valid() ? Milliseconds(Seconds(60)) : kTick;
    if (until - now >= most) return static_cast<int>(most.count());
    return static_cast<int>(std::chrono::ceil<Milliseconds>(until - now).count());
  }

  void CheckTime() {
    if (killed_) return;
    const SteadyTime now = SystemClock().Steady();
    if (!failure_.ok() && now >= kill_at_) {
      ::kill(-pid_, SIGKILL);
      killed_ = true;
    } else if (deadline_.stop.stop_requested()) {
      End({Code::kCancelled, command_.argv[0] + ": cancelled"});
    } else if (now >= deadline_.at) {
      End({Code::kDeadlineExceeded, command_.argv[0] + ": not finished in time"});
    }
  }

  // From here on the program is only waited for; what it still says is thrown away.
  void End(Status why) {
    if (!failure_.ok()) return;
    failure_ = std::move(why);
    stdin_.Close();
    ::kill(-pid_, SIGTERM);
    kill_at_ = SystemClock().Steady() + kGrace;
  }

  void Feed() {
    if (!stdin_.valid()) return;
    if (piece_.empty()) {
      auto piece = command_.source();
      if (!piece.ok()) return End(piece.error());
      piece_ = *piece;
      if (piece_.empty()) {
        input_taken_ = true;
        return stdin_.Close();
      }
    }
    const NoBrokenPipeSignal guard;
    const ssize_t count = ::write(stdin_.get(), piece_.data(), piece_.size());
    if (count >= 0) {
      piece_ = piece_.subspan(static_cast<std::size_t>(count));
    } else if (errno != EAGAIN && errno != EINTR) {
      stdin_.Close();  // it wants no more; how it ends says why
    }
  }

  // Takes one piece of what the program says there; whether there may be more.
  bool Drain(Descriptor& from) {
    if (!from.valid()) return false;
    const ssize_t count = ::read(from.get(), buffer_.data(), buffer_.size());
    if (count < 0) return errno == EINTR;
    const auto bytes = std::span(buffer_).first(static_cast<std::size_t>(count));
    if (bytes.empty()) {
      from.Close();
    } else if (&from == &stderr_) {
      errors_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (errors_.size() > Ended::kErrorBytes) {
        errors_.erase(0, errors_.size() - Ended::kErrorBytes);
      }
    } else if (failure_.ok()) {
      if (Status taken = command_.sink(bytes); !taken.ok()) End(std::move(taken));
    }
    return !bytes.empty();
  }

  // Ends what is left of the group, takes what is left in the pipes, and lets the kernel forget it.
  Ended Reap() {
    ::kill(-pid_, SIGKILL);
    // Of a pipe's size at most: what the program started may have left the group and go on writing.
    for (Descriptor* stream : {&stdout_, &stderr_}) {
      for (int pieces = 0; pieces < kPipePieces && Drain(*stream);) ++pieces;
    }
    int status = 0;
    pid_t reaped = -1;
    do reaped = ::waitpid(pid_, &status, 0);
    while (reaped < 0 && errno == EINTR);
    pid_ = -1;
    const bool exited = reaped > 0 && WIFEXITED(status);
    return {.program = command_.argv[0],
            .exit_code = exited ? WEXITSTATUS(status) : -1,
            .signal = reaped > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0,
            .errors = std::move(errors_),
            .took_all_input = command_.source == nullptr || input_taken_};
  }

  const Command& command_;
  const Deadline& deadline_;
  std::vector<std::byte> buffer_;
  Descriptor wake_;  // readable once a stop was requested; would wake us for ever after
  Descriptor exit_;  // readable once the program has ended; invalid where the kernel has no such
  Descriptor stdin_;
  Descriptor stdout_;
  Descriptor stderr_;
  pid_t pid_ = -1;
  std::span<const std::byte> piece_;  // of the source, not yet taken by the program
  bool input_taken_ = false;
  std::string errors_;
  Status failure_;  // why the program is being ended
  SteadyTime kill_at_;
  bool killed_ = false;
};

// The last lines of what a program wrote to stderr, as one.
std::string LastLines(std::string_view errors) {
  std::vector<std::string> lines;
  for (const std::string_view line : Split(errors, '\n')) {
    if (!Trim(line).empty()) lines.emplace_back(Trim(line));
  }
  if (lines.size() > kErrorLinesShown) {
    lines.erase(lines.begin(), lines.end() - kErrorLinesShown);
  }
  return ToSingleLine(Join(lines, "; "));
}

}  // namespace

Status Ended::ToStatus() const {
  if (succeeded()) return {};
  const std::string said = LastLines(errors);
  const std::string because = said.empty() ? "" : ": " + said;
  if (signal != 0) {
    return {Code::kUnavailable,
            program + " was ended by signal " + std::to_string(signal) + because};
  }
  return {Code::kUnknown, program + " exited with " + std::to_string(exit_code) + because};
}

Result<Ended> RunProgram(const Command& command, const Deadline& deadline) {
  if (command.argv.empty()) return Status(Code::kInvalidArgument, "no program to run");
  const std::string& name = command.argv[0];
  if (deadline.stop.stop_requested()) return Status(Code::kCancelled, name + ": cancelled");
  const std::optional<std::filesystem::path> program = FindProgram(name);
  if (!program) return Status(Code::kNotFound, name + " is not installed, or not in PATH");
  Running running(command, deadline);
  WARDEN_RETURN_IF_ERROR(running.Start(*program));
  return running.Finish();
}

}  // namespace warden
