#include "exporter/config/sections.h"

namespace warden::config {
namespace {

constexpr Seconds kEveryMin{1};

}  // namespace

void ReadEvery(Reading& reading, const TreeNode& node, ScheduleConfig& schedule) {
  const auto every = ReadSeconds(reading, node);
  if (!every) return;
  if (*every < kEveryMin) reading.Fail(node, "must be 1s or more");
  schedule.every = *every;
}

void ReadCron(Reading& reading, const TreeNode& node, ScheduleConfig& schedule) {
  const auto text = ReadText(reading, node);
  if (!text) return;
  const Result<Cron> cron = Cron::Parse(*text);
  if (reading.Check(node, cron.status())) schedule.cron = *cron;
}

void ReadJitter(Reading& reading, const TreeNode& node, ScheduleConfig& schedule) {
  if (const auto jitter = ReadSeconds(reading, node)) schedule.jitter = *jitter;
}

void CheckTiming(Reading& reading, const TreeNode& node, const ScheduleConfig& schedule,
                 bool required) {
  const TreeNode* every = node.Find("every");
  const TreeNode* cron = node.Find("cron");
  const bool both = every != nullptr && cron != nullptr;
  const bool neither = every == nullptr && cron == nullptr;
  if (both || (neither && required)) {
    reading.Fail(node, R"(needs either every ("1h") or cron ("0 */6 * * *"), and not both)");
  }
  if (const TreeNode* zone = node.Find("time_zone"); zone != nullptr && cron == nullptr) {
    reading.Fail(*zone, "is of no use without cron");
  }
  const TreeNode* jitter = node.Find("jitter");
  if (jitter == nullptr) return;
  if (neither && !required) reading.Fail(*jitter, "is of no use without every or cron");
  if (every != nullptr && schedule.jitter >= schedule.every) {
    reading.Fail(*jitter, "must be shorter than every");
  }
  if (cron != nullptr && schedule.jitter >= std::chrono::hours(24)) {
    reading.Fail(*jitter, "must be shorter than a day");
  }
}

}  // namespace warden::config
