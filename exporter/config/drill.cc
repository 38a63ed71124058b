#include "exporter/base/files.h"
#include "exporter/config/sections.h"

namespace warden::config {
namespace {

constexpr std::size_t kIdentityBytesMax = 1 << 20;

// A path, or a name without a slash, which is looked for in PATH. Whether it is there is not asked:
// a version of etcd that was uninstalled is no reason to take no backups.
std::optional<std::filesystem::path> ReadProgram(Reading& reading, const TreeNode& node) {
  const auto text = ReadText(reading, node);
  if (!text) return std::nullopt;
  if (text->find('/') == std::string::npos) return *text;
  return ReadPath(reading, node);
}

void ReadPrograms(Reading& reading, const TreeNode& node, DrillConfig& drill) {
  if (!Expect(reading, node, Kind::kList)) return;
  for (const TreeNode& child : node.children) {
    const auto program = ReadProgram(reading, child);
    if (!program) continue;
    if (std::ranges::find(drill.etcd, *program) != drill.etcd.end()) {
      reading.Fail(child, "is named a second time");
    } else {
      drill.etcd.push_back(*program);
    }
  }
}

// A program and its arguments.
void ReadCommand(Reading& reading, const TreeNode& node, DrillConfig& drill) {
  if (!Expect(reading, node, Kind::kList)) return;
  for (const TreeNode& child : node.children) {
    if (child.index == 0) {
      if (const auto program = ReadProgram(reading, child)) drill.probe.push_back(*program);
    } else if (auto argument = ReadText(reading, child)) {
      drill.probe.push_back(*std::move(argument));
    }
  }
}

// A drill writes there and removes what it wrote; where an etcd keeps its data is no place for
// that.
void ReadScratch(Reading& reading, const TreeNode& node, DrillConfig& drill) {
  ReadPathInto(reading, node, drill.scratch);
  if (!reading.check_files || drill.scratch.empty()) return;
  if (!PosixFiles().Stat(drill.scratch / "member").ok()) return;
  reading.Fail(node, "is the data directory of an etcd, for it has a member/; name one of its own");
}

// The mistake to hear of at once is the public key, or one that asks for a passphrase.
void ReadIdentityFile(Reading& reading, const TreeNode& node, DrillConfig& drill) {
  ReadPathInto(reading, node, drill.age_identity_file);
  if (!reading.check_files || drill.age_identity_file.empty()) return;
  const auto text = PosixFiles().ReadAll(drill.age_identity_file, kIdentityBytesMax);
  if (!reading.Check(node, text.status())) return;
  for (const std::string_view mark : {"AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY-----"}) {
    if (text->find(mark) != std::string::npos) return;
  }
  reading.Fail(node, "holds no private key of age's (AGE-SECRET-KEY-1...) nor one of ssh's");
}

ScheduleConfig& ScheduleOf(DrillConfig& drill) {
  if (!drill.schedule) drill.schedule = ScheduleConfig{.name = std::string(kDrillScheduleName)};
  return *drill.schedule;
}

constexpr Field<DrillConfig> kDrillFields[] = {
    {"every", false,
     [](Reading& reading, const TreeNode& node, DrillConfig& drill) {
       ReadEvery(reading, node, ScheduleOf(drill));
     }},
    {"cron", false,
     [](Reading& reading, const TreeNode& node, DrillConfig& drill) {
       ReadCron(reading, node, ScheduleOf(drill));
     }},
    {"time_zone", false,
     [](Reading& reading, const TreeNode& node, DrillConfig& drill) {
       ScheduleOf(drill).time_zone = ReadTimeZone(reading, node);
     }},
    {"jitter", false,
     [](Reading& reading, const TreeNode& node, DrillConfig& drill) {
       ReadJitter(reading, node, ScheduleOf(drill));
     }},
    {"etcd", false, ReadPrograms},
    {"scratch", false, ReadScratch},
    {"timeout", false,
     [](Reading& reading, const TreeNode& node, DrillConfig& drill) {
       const auto timeout = ReadSeconds(reading, node);
       if (!timeout) return;
       if (*timeout == Seconds(0)) reading.Fail(node, "must be greater than zero");
       drill.timeout = *timeout;
     }},
    {"objective", false,
     [](Reading& reading, const TreeNode& node, DrillConfig& drill) {
       drill.objective = ReadSeconds(reading, node);
       if (drill.objective == Seconds(0)) reading.Fail(node, "must be greater than zero");
     }},
    {"probe", false, ReadCommand},
    {"copies", false,
     [](Reading& reading, const TreeNode& node, DrillConfig& drill) {
       drill.copies = ReadFlag(reading, node).value_or(true);
     }},
    {"age_identity_file", false, ReadIdentityFile},
};

}  // namespace

void ReadDrill(Reading& reading, const TreeNode& node, BackupConfig& backup) {
  DrillConfig& drill = backup.drill.emplace();
  ReadMapping(reading, node, kDrillFields, drill);
  if (drill.schedule) CheckTiming(reading, node, *drill.schedule, false);
}

void CheckDrill(Reading& reading, const TreeNode& node, const BackupConfig& backup) {
  const DrillConfig& drill = *backup.drill;
  const TreeNode* scratch = node.Find("scratch");
  if (scratch != nullptr && !drill.scratch.empty() && drill.scratch == backup.directory) {
    reading.Fail(*scratch, "is the backup directory; name one of its own, as scratch/ below it");
  }
  const TreeNode* copies = node.Find("copies");
  const TreeNode* identity = node.Find("age_identity_file");
  if (backup.destinations.empty()) {
    if (copies != nullptr && drill.copies) reading.Fail(*copies, "needs destinations");
    if (identity != nullptr) reading.Fail(*identity, "is of no use without destinations");
  } else if (identity != nullptr && !drill.copies) {
    reading.Fail(*identity, "is of no use without copies");
  }
}

void AppendDrillKeys(std::vector<std::string>& keys, const std::string& prefix) {
  AppendKeys(keys, prefix, kDrillFields);
}

}  // namespace warden::config
