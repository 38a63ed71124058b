#include "exporter/restore/plan_text.h"

#include <vector>

#include "exporter/base/text.h"
#include "exporter/restore/foreign_tool.h"

namespace warden::restore {
namespace {

// As a shell takes it for one word.
std::string Word(const std::string& text) {
  if (!text.empty() && HasOnly(text, "_@%+=:,./-")) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string CommandLine(const std::vector<std::string>& argv) {
  std::string line;
  for (const std::string& each : argv) {
    // One flag to a line: such a command is read before it is typed.
    const bool is_flag = each.starts_with("--");
    line += (line.empty() ? "" : is_flag ? " \\\n         " : " ") + Word(each);
  }
  return line;
}

std::string Line(const std::string& name, const std::string& value) {
  constexpr std::size_t kWidth = 11;
  return "  " + name + std::string(kWidth - std::min(kWidth, name.size()), ' ') + value + "\n";
}

std::string Known(const std::string& text) {
  return text.empty() ? "unknown" : text;
}

std::string DescribeFacts(const Plan& plan) {
  const SnapshotFacts& snapshot = plan.snapshot;
  std::string text = "RESTORE PLAN " + plan.id + "\n";
  text +=
      Line("snapshot", snapshot.file + ", " + FormatBytes(snapshot.size_bytes) +
                           (snapshot.backup_id.empty() ? "" : ", backup " + snapshot.backup_id));
  text += Line("sha256", snapshot.sha256);
  text += Line("content", std::to_string(snapshot.keys) + " keys and " +
                              std::to_string(snapshot.leases) + " leases at revision " +
                              std::to_string(snapshot.revision) +
                              (snapshot.hash ? ", HashKV " + std::to_string(*snapshot.hash) : ""));
  text += Line("versions", "cluster " + Known(snapshot.cluster_version) + ", storage " +
                               Known(snapshot.storage_version) + "; will run with etcd " +
                               plan.etcd_version);
  text +=
      Line("cluster", FormatId(plan.cluster.id) + ", before " +
                          (snapshot.cluster_id == 0 ? "unknown" : FormatId(snapshot.cluster_id)) +
                          ", token " + plan.cluster.token);
  text += Line("revision", "goes on at " + std::to_string(plan.new_revision()));
  for (const MemberPlace& place : plan.places) {
    const NewMember* member = plan.cluster.Find(place.name);
    text +=
        Line("member", place.name + " (" + FormatId(member->id) + ") at " +
                           Join(member->peer_urls, ",") + ", data in " + place.data_dir.string() +
                           (place.wal_dir ? ", log in " + place.wal_dir->string() : ""));
  }
  return text;
}

std::string DescribeRemarks(const Plan& plan) {
  std::string text = "\nWHAT TO KNOW\n";
  for (const Remark& remark : plan.remarks) {
    text += Line(remark.is_risk ? "RISK" : "note", remark.about + ": " + remark.text);
  }
  return text;
}

std::string DescribeSteps(const Plan& plan, const TextOptions& options) {
  const std::string file = options.plan_file.empty() ? "PLAN.json" : options.plan_file;
  const bool has_trailer = plan.snapshot.size_bytes != plan.snapshot.database_bytes;
  const std::string tool = plan.target >= Target::k35 ? "etcdutl" : "etcdctl";
  std::string text =
      "\nSTEPS\n"
      "  1. Stop whatever writes to the cluster (of Kubernetes: every API server), then etcd on\n"
      "     every member, also on those that are restored last: an old one that goes on running\n"
      "     serves the old data.\n"
      "  2. On every member, with this plan and the same snapshot:\n";
  for (const MemberPlace& place : plan.places) {
    text += "     " + place.name + ":\n       " +
            CommandLine({"etcd-warden", "restore", "run", "--plan=" + file, "--name=" + place.name,
                         "--snapshot=" + plan.snapshot.file}) +
            "\n     which keeps the old directory, and does what this would do in an empty place:\n"
            "       " +
            CommandLine(ToolCommand(tool, plan, place, plan.snapshot.file, has_trailer)) + "\n";
  }
  text +=
      "  3. Start etcd on every member, with the same names, URLs and directories as above. What\n"
      "     it is told of --initial-cluster makes no difference any more.\n"
      "  4. Compare: " +
      CommandLine({"etcd-warden", "restore", "check", "--plan=" + file, "--endpoints=ENDPOINTS"}) +
      "\n"
      "  5. Start the writers again, and take a backup: the revisions of earlier ones do not\n"
      "     belong to this cluster.\n"
      "  To go back before step 5: stop etcd, and on every member\n       " +
      CommandLine({"etcd-warden", "restore", "undo", "--data-dir=DIR"}) + "\n";
  return text;
}

}  // namespace

std::string Describe(const Plan& plan, const TextOptions& options) {
  return DescribeFacts(plan) + DescribeRemarks(plan) + DescribeSteps(plan, options);
}

}  // namespace warden::restore
