// A directory that rclone itself serves on this machine: a destination with a network in between.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "tests/support/temp_dir.h"

namespace warden::testing {

// Not thread-safe. User and password are "u" and "p".
class RcloneServer {
 public:
  // `protocol` is "webdav" or "sftp".
  explicit RcloneServer(const std::string& protocol) {
    std::filesystem::create_directory(directory());
    const std::string log = dir_ / "log";
    const std::string cache = dir_ / "cache";
    const std::string served = directory();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(::open(log.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
      ::execlp("rclone", "rclone", "serve", protocol.c_str(), served.c_str(), "--addr",
               "127.0.0.1:0", "--user", "u", "--pass", "p", "--config", "/dev/null", "--cache-dir",
               cache.c_str(), nullptr);
      ::_exit(127);
    }
    while (port_.empty() && ::waitpid(pid_, nullptr, WNOHANG) == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      std::ifstream file(log);
      const std::string text(std::istreambuf_iterator<char>(file), {});
      constexpr std::string_view kAddress = "127.0.0.1:";
      const std::size_t at = text.find(kAddress);
      if (at == std::string::npos || text.find('\n', at) == std::string::npos) continue;
      const std::size_t begin = at + kAddress.size();
      port_ = text.substr(begin, text.find_first_not_of("0123456789", begin) - begin);
    }
    EXPECT_FALSE(port_.empty()) << "rclone serve " << protocol << " did not start";
  }
  ~RcloneServer() { Stop(); }
  RcloneServer(const RcloneServer&) = delete;
  RcloneServer& operator=(const RcloneServer&) = delete;

  void Stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  const std::string& port() const { return port_; }
  std::filesystem::path directory() const { return dir_ / "served"; }

 private:
  const TempDir dir_;
  pid_t pid_ = -1;
  std::string port_;
};

}  // namespace warden::testing
