#include "exporter/cli/restore_kubeadm.h"

#include <filesystem>
#include <memory>
#include <ostream>
#include <utility>

#include "exporter/base/prompt.h"
#include "exporter/base/text.h"
#include "exporter/cli/output.h"

namespace warden::cli {
namespace {

using restore::KubeadmAnswer;

constexpr std::string_view kCrictl = "crictl";

// Until somebody answers with one of the letters; an empty answer is none.
Result<KubeadmAnswer> AskSomebody(Console& console, const std::stop_token& stop) {
  while (true) {
    console.err << "  go on? [y]es, [n]o: end here, [u]ndo: " << std::flush;
    WARDEN_ASSIGN_OR_RETURN(const std::string line, ReadInputLine(stop));
    const std::string answer = ToLower(Trim(line));
    if (answer == "y" || answer == "yes") return KubeadmAnswer::kGoOn;
    if (answer == "n" || answer == "no") return KubeadmAnswer::kLeave;
    if (answer == "u" || answer == "undo") return KubeadmAnswer::kUndo;
  }
}

Status Bad(const std::string& what) {
  return {Code::kInvalidArgument, what};
}

}  // namespace

void KubeadmFlags::Declare(CLI::App& app) {
  app_ = &app;
  app.add_flag("--kubeadm", kubeadm_,
               "This machine is a control-plane node of kubeadm: stop and start its static pods, "
               "too");
  app.add_option("--manifests-dir", manifests_, "Where the kubelet finds its static pods")
      ->capture_default_str();
  app.add_flag("--yes", yes_, "With --kubeadm: do not ask before each step");
  app.add_flag("--dry-run", dry_run_, "With --kubeadm: only print the steps, for every node");
  app.add_option("--until", until_,
                 "With --kubeadm: end after that step: stopped, swapped or etcd");
  app.add_flag("--peers-stopped", peers_stopped_,
               "With --kubeadm: the other members are stopped or already restored; do not look");
  app.add_option("--timeout", timeout_, "With --kubeadm: how long each step may wait")
      ->capture_default_str();
  app.add_option("--cacert", ca_cert_, "With --kubeadm: CA of etcd, to ask for its health")
      ->capture_default_str();
  app.add_option("--cert", cert_, "With --kubeadm: client certificate for that")
      ->capture_default_str();
  app.add_option("--key", key_, "With --kubeadm: its key")->capture_default_str();
}

void KubeadmFlags::DeclareForUndo(CLI::App& app) {
  app_ = &app;
  kubeadm_ = true;
  app.add_option("--timeout", timeout_, "How long each step may wait for a pod to end")
      ->capture_default_str();
}

Status KubeadmFlags::Check() const {
  if (kubeadm_) return Options().status();
  for (const CLI::Option* option : app_->parse_order()) {
    for (const char* name : {"--manifests-dir", "--yes", "--dry-run", "--until", "--peers-stopped",
                             "--timeout", "--cacert", "--cert", "--key"}) {
      if (option->get_name() == name) return Bad(std::string(name) + " needs --kubeadm");
    }
  }
  return {};
}

Result<restore::KubeadmOptions> KubeadmFlags::Options() const {
  restore::KubeadmOptions options;
  std::error_code ignored;  // leaves what was given, which is then not found
  const auto manifests = std::filesystem::absolute(manifests_, ignored).lexically_normal();
  options.node.manifests = manifests.has_filename() ? manifests : manifests.parent_path();
  options.peers_stopped = peers_stopped_;
  if (!until_.empty()) {
    options.until = restore::ParseKubeadmStep(until_);
    if (!options.until) return Bad("--until: write stopped, swapped or etcd");
  }
  Result<Milliseconds> timeout = ParseDuration(timeout_);
  if (!timeout.ok()) return std::move(timeout).WithContext("--timeout").error();
  if (timeout->count() == 0) return Bad("--timeout: must be more than 0");
  options.timeout = *timeout;
  return options;
}

int RunRestoreKubeadm(Console& console, const KubeadmFlags& flags, const restore::RunOptions& run,
                      const restore::RunTools& tools) {
  const Result<restore::KubeadmOptions> options = flags.Options();
  if (!options.ok()) return Fail(console, kUsage, options.error());
  if (flags.dry_run_) {
    for (const std::string& line : restore::DescribeKubeadm(run.plan, *options)) {
      console.out << line << "\n";
    }
    return kSuccess;
  }
  if (!flags.yes_ && !InputIsTerminal()) {
    return Fail(console, kUsage,
                Bad("standard input is no terminal, so nobody can be asked before each step; "
                    "say --yes if nobody has to be"));
  }
  const config::TlsConfig tls{.ca_file = flags.ca_cert_,
                              .cert_file = flags.cert_,
                              .key_file = flags.key_,
                              .server_name = {}};
  const auto node = restore::MakeNodeProbes(tls, std::string(kCrictl), tools.clock);
  const auto ask = [&](const std::string& /*step*/) -> Result<KubeadmAnswer> {
    if (flags.yes_) return KubeadmAnswer::kGoOn;
    return AskSomebody(console, tools.stop);
  };
  const Status done =
      restore::RunKubeadm(run, *options, {.run = tools, .node = *node, .ask = ask, .steps = {}});
  return done.ok() ? kSuccess : Fail(console, kFailed, done);
}

Status UndoRestoreKubeadm(const KubeadmFlags& flags, restore::Journal& journal,
                          const restore::RunTools& tools) {
  WARDEN_ASSIGN_OR_RETURN(const restore::KubeadmOptions options, flags.Options());
  const auto node = restore::MakeNodeProbes({}, std::string(kCrictl), tools.clock);
  const auto ask = [](const std::string& /*step*/) -> Result<KubeadmAnswer> {
    return KubeadmAnswer::kGoOn;
  };
  return restore::UndoKubeadm(journal, options,
                              {.run = tools, .node = *node, .ask = ask, .steps = {}});
}

}  // namespace warden::cli
