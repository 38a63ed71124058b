#include "exporter/cli/progress.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include "exporter/base/terminal.h"
#include "exporter/base/text.h"

namespace warden::cli {
namespace {

constexpr Milliseconds kPause{200};

}  // namespace

std::string DescribeProgress(const std::string& what, std::uint64_t done, std::uint64_t total,
                             Nanoseconds elapsed) {
  done = std::min(done, total);
  std::string text = what + ": " + FormatBytes(done) + " of " + FormatBytes(total);
  const double seconds = ToSeconds(elapsed);
  if (seconds <= 0 || done == 0) return text;
  const double rate = static_cast<double>(done) / seconds;
  const double left = static_cast<double>(total - done) / rate;
  text += ", " + FormatBytes(static_cast<std::uint64_t>(rate)) + "/s";
  // Rounded up: "0s left" would be a lie as long as the work goes on.
  constexpr double kSecondsMax = 1e6;
  const Seconds whole(static_cast<std::int64_t>(std::min(left, kSecondsMax)) + 1);
  return text + ", " + FormatDuration(whole) + " left";
}

ProgressMeter::ProgressMeter(Console& console, const Clock& clock, std::string what)
    : console_(console),
      clock_(clock),
      what_(ToSingleLine(what, 60)),
      shown_(ErrorsGoToTerminal()),
      started_(clock.Steady()),
      next_(started_ + kPause) {}

ProgressMeter::~ProgressMeter() {
  if (shown_) console_.err << "\r\x1b[K" << std::flush;
}

mvcc::Progress ProgressMeter::callback() {
  if (!shown_) return {};
  return [this](std::uint64_t done, std::uint64_t total) { Show(done, total); };
}

void ProgressMeter::Show(std::uint64_t done, std::uint64_t total) {
  const SteadyTime now = clock_.Steady();
  MutexLock lock(mutex_);
  if (now < next_) return;
  next_ = now + kPause;
  console_.err << "\r\x1b[K" << DescribeProgress(what_, done, total, now - started_) << std::flush;
}

}  // namespace warden::cli
