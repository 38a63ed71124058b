#include "exporter/base/terminal.h"

#include <unistd.h>

namespace warden {

bool ErrorsGoToTerminal() {
  return ::isatty(STDERR_FILENO) == 1;
}

}  // namespace warden
