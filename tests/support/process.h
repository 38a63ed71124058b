// Runs a program and waits for it; no shell.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace warden::testing {

struct Outcome {
  int exit_code = -1;  // 127 if the program could not be started, -1 if a signal ended it
  std::string output;  // what it wrote to stdout and stderr
};

// `input` becomes its stdin.
inline Outcome Run(const std::vector<std::string>& argv, std::string_view input = "") {
  // A file as stdin needs no feeding, so neither side can wait for the other.
  std::FILE* stdin_file = std::tmpfile();
  std::fwrite(input.data(), 1, input.size(), stdin_file);
  std::rewind(stdin_file);
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::array<int, 2> output_pipe{};
  Outcome outcome;
  if (::pipe(output_pipe.data()) != 0) return outcome;

  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(::fileno(stdin_file), STDIN_FILENO);
    ::dup2(output_pipe[1], STDOUT_FILENO);
    ::dup2(output_pipe[1], STDERR_FILENO);
    ::close(output_pipe[0]);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(output_pipe[1]);
  std::fclose(stdin_file);
  std::array<char, 4096> buffer{};
  ssize_t count = 0;
  while ((count = ::read(output_pipe[0], buffer.data(), buffer.size())) > 0) {
    outcome.output.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(output_pipe[0]);
  int status = 0;
  if (pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status)) {
    outcome.exit_code = WEXITSTATUS(status);
  }
  return outcome;
}

}  // namespace warden::testing
