// etcd-warden: see exporter/README.md for the architecture and exporter/cli/ for the commands.
#include <malloc.h>

#include <CLI/Error.hpp>
#include <exception>
#include <iostream>

#include "exporter/cli/command.h"

int main(int argc, char** argv) {
  using warden::cli::Console;
  Console console{std::cout, std::cerr};
  // Each scrape runs on another thread, and with an arena for each of those glibc would keep the
  // memory of the largest page many times over.
  mallopt(M_ARENA_MAX, 1);
  try {
    warden::cli::Program program;
    try {
      program.app().parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      // Help and the like are "errors" of code 0.
      if (error.get_exit_code() == 0) return program.app().exit(error, console.out, console.err);
      console.err << "etcd-warden: " << program.Complaint(error.what()) << "\n";
      return warden::cli::kUsage;
    }
    const int code = program.RunChosen(console);
    std::cout.flush();
    if (std::cout.fail()) {
      std::cerr << "etcd-warden: cannot write to standard output\n";
      return warden::cli::kFailed;
    }
    return code;
  } catch (const std::exception& error) {
    std::cerr << "etcd-warden: internal error: " << error.what() << "\n";
    return warden::cli::kFailed;
  }
}
