#include "exporter/restore/kubeadm_procedure.h"

#include <algorithm>
#include <utility>

#include "exporter/base/json_fields.h"
#include "exporter/base/text.h"

namespace warden::restore {

std::vector<KubeadmPod> KubeadmProcedure::InStopOrder() const {
  std::vector<KubeadmPod> order = pods;
  if (!order.empty()) std::ranges::rotate(order, order.begin() + 1);
  return order;
}

Files::Path KubeadmNodeOptions::HoldingParent() const {
  return holding_parent.empty() ? manifests.parent_path() : holding_parent;
}

Files::Path KubeadmNodeOptions::HoldingOf(const std::string& journal_id) const {
  return HoldingParent() / ("etcd-warden-restore-" + journal_id);
}

Json ToJson(const KubeadmProcedure& procedure) {
  Json pods = Json::array();
  for (const KubeadmPod& pod : procedure.pods) {
    pods.push_back({{"name", pod.name}, {"file", pod.file}, {"addresses", pod.addresses}});
  }
  Json steps = Json::array();
  for (const KubeadmProcedure::Made& made : procedure.steps) {
    steps.push_back({{"step", made.step}, {"at", FormatTime(made.at)}});
  }
  return {{"kind", "kubeadm"},
          {"manifests", procedure.manifests.string()},
          {"holding", procedure.holding.string()},
          {"pods", std::move(pods)},
          {"client_url", procedure.client_url},
          {"peer_url", procedure.peer_url},
          {"seen_down", procedure.seen_down},
          {"peers_stopped", procedure.peers_stopped},
          {"steps", std::move(steps)}};
}

Result<KubeadmProcedure> ParseProcedure(const Json& json) {
  const Status bad(Code::kInvalidArgument, "the journal's procedure is none of kubeadm's");
  const Result<ParsedJson> parsed = ParseJson(DumpJson(json));
  if (!parsed.ok() || !parsed->is_object()) return bad;
  JsonFields fields(*parsed, "procedure.");
  KubeadmProcedure procedure{.manifests = fields.String("manifests"),
                             .holding = fields.String("holding"),
                             .pods = {},
                             .client_url = fields.String("client_url"),
                             .peer_url = fields.String("peer_url"),
                             .seen_down = FindStrings(*parsed, "seen_down"),
                             .peers_stopped = fields.Bool("peers_stopped"),
                             .steps = {}};
  for (JsonFields& pod : fields.Objects("pods")) {
    procedure.pods.push_back({.name = pod.String("name"),
                              .file = pod.String("file"),
                              .addresses = FindStrings(pod.object(), "addresses")});
  }
  for (JsonFields& made : fields.Objects("steps")) {
    procedure.steps.push_back({.step = made.String("step"), .at = made.Time("at")});
  }
  if (fields.String("kind") != "kubeadm" || procedure.pods.empty()) return bad;
  if (fields.complaint()) return bad.WithContext(*fields.complaint());
  return procedure;
}

}  // namespace warden::restore
