#include <map>

#include "exporter/config/sections.h"

namespace warden::config {
namespace {

constexpr Field<ProbeModule> kModuleFields[] = {
    {"name", true,
     [](Reading& reading, const TreeNode& node, ProbeModule& module) {
       if (auto name = ReadName(reading, node)) module.name = *std::move(name);
     }},
    {"tls", false,
     [](Reading& reading, const TreeNode& node, ProbeModule& module) {
       module.use_tls = true;
       ReadTls(reading, node, module.tls);
     }},
    {"auth", false,
     [](Reading& reading, const TreeNode& node, ProbeModule& module) {
       module.auth = ReadAuth(reading, node);
     }},
};

void ReadAllowedTargets(Reading& reading, const TreeNode& node, ProbeConfig& probe) {
  if (!Expect(reading, node, Kind::kList)) return;
  for (const TreeNode& child : node.children) {
    if (const auto entry = ReadText(reading, child)) {
      reading.Check(child, probe.allowed_targets.Add(*entry));
    }
  }
}

void ReadModules(Reading& reading, const TreeNode& node, ProbeConfig& probe) {
  if (!Expect(reading, node, Kind::kList)) return;
  std::map<std::string, const TreeNode*> named;
  for (const TreeNode& child : node.children) {
    ProbeModule& module = probe.modules.emplace_back();
    ReadMapping(reading, child, kModuleFields, module);
    if (module.name.empty()) continue;
    const auto [first, is_new] = named.emplace(module.name, &child);
    if (!is_new) {
      reading.Fail(*child.Find("name"),
                   Quoted(module.name) + " is already the name of " + PathOf(*first->second));
    }
  }
}

constexpr Field<ProbeConfig> kProbeFields[] = {
    {"allowed_targets", true, ReadAllowedTargets},
    {"modules", true, ReadModules},
};

}  // namespace

void ReadProbe(Reading& reading, const TreeNode& node, Config& config) {
  ReadMapping(reading, node, kProbeFields, config.probe.emplace());
}

void AppendProbeKeys(std::vector<std::string>& keys) {
  AppendKeys(keys, "probe.", kProbeFields);
  AppendKeys(keys, "probe.modules[].", kModuleFields);
  AppendTlsKeys(keys, "probe.modules[].tls.");
  AppendAuthKeys(keys, "probe.modules[].auth.");
}

}  // namespace warden::config
