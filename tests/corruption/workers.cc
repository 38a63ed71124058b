#include "tests/corruption/workers.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>

namespace warden::corruption {
namespace {

// The child: works off the numbers from `number` on, in steps. SIGALRM ends a process.
[[noreturn]] void Work(std::size_t number, std::size_t count, std::size_t step,
                       unsigned seconds_each, std::size_t& current,
                       const std::function<void(std::size_t)>& work) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &no_core);
  for (; number < count; number += step) {
    current = number;
    alarm(seconds_each);
    work(number);
  }
  _exit(0);
}

}  // namespace

void WorkInProcesses(std::size_t count, std::size_t processes, unsigned seconds_each,
                     const std::function<void(std::size_t number)>& work,
                     const std::function<void(std::size_t number)>& crashed) {
  SharedArray<std::size_t> current(processes);
  std::map<pid_t, std::size_t> places;
  const auto start = [&](std::size_t place, std::size_t first) {
    current.items()[place] = first;
    const pid_t pid = fork();
    if (pid < 0) std::abort();
    if (pid == 0) Work(first, count, processes, seconds_each, current.items()[place], work);
    places[pid] = place;
  };
  for (std::size_t place = 0; place < processes; ++place) start(place, place);
  while (!places.empty()) {
    int status = 0;
    const pid_t pid = wait(&status);
    if (pid < 0) std::abort();
    const std::size_t place = places.at(pid);
    places.erase(pid);
    if (status == 0) continue;
    const std::size_t number = current.items()[place];
    crashed(number);
    if (number + processes < count) start(place, number + processes);
  }
}

}  // namespace warden::corruption
