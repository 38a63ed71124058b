// Whether somebody is watching.
#pragma once

namespace warden {

// Whether standard error is a terminal.
bool ErrorsGoToTerminal();

}  // namespace warden
