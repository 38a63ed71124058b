#include <set>

#include "exporter/base/files.h"
#include "exporter/config/sections.h"

namespace warden::config {
namespace {

constexpr int kLevelMax = 19;  // above, zstd needs more memory to unpack than it takes by itself
constexpr std::size_t kRecipientsBytesMax = 1 << 20;

// rclone's own notation of a remote within a path would put its secrets here and into our output.
void ReadRemote(Reading& reading, const TreeNode& node, DestinationConfig& destination) {
  const auto text = ReadText(reading, node);
  if (!text) return;
  const std::size_t colon = text->find(':');
  if (text->front() == ':' || text->find(',') < colon) {
    reading.Fail(node, "must be a remote of rclone's configuration file, as s3:bucket/path");
  } else if (colon == std::string::npos && text->front() != '/') {
    reading.Fail(node, Quoted(*text) + " is neither remote:path nor an absolute path");
  } else if (text->front() == '-') {
    reading.Fail(node, Quoted(*text) + " is no remote");
  } else {
    destination.remote = *text;
    if (text->front() == '/') {
      destination.remote = std::filesystem::path(*text).lexically_normal().string();
    }
    while (destination.remote.size() > 1 && destination.remote.ends_with('/')) {
      destination.remote.pop_back();
    }
  }
}

void ReadCompression(Reading& reading, const TreeNode& node, DestinationConfig& destination) {
  const auto text = ReadText(reading, node);
  if (!text) return;
  destination.compress = *text == "zstd";
  if (*text != "zstd" && *text != "none") {
    reading.Fail(node, "must be none or zstd, not " + Quoted(*text));
  }
}

bool LooksLikeRecipient(std::string_view text) {
  return text.starts_with("age1") || text.starts_with("ssh-ed25519 ") ||
         text.starts_with("ssh-rsa ");
}

// Whoever puts the private key here has misunderstood something, and should hear of it at once.
bool HasPrivateKey(std::string_view text) {
  return text.find("AGE-SECRET-KEY-") != std::string_view::npos ||
         text.find("PRIVATE KEY-----") != std::string_view::npos;
}

void ReadRecipients(Reading& reading, const TreeNode& node, DestinationConfig& destination) {
  if (!Expect(reading, node, Kind::kList)) return;
  for (const TreeNode& child : node.children) {
    const auto text = ReadText(reading, child);
    if (!text) continue;
    if (HasPrivateKey(*text)) {
      reading.Fail(child,
                   "is a private key, which must not be on this machine; give the public one");
    } else if (!LooksLikeRecipient(*text)) {
      reading.Fail(child, Quoted(*text) + " is no recipient of age's (age1..., ssh-ed25519 ...)");
    } else {
      destination.age_recipients.push_back(*text);
    }
  }
}

void ReadRecipientsFile(Reading& reading, const TreeNode& node, DestinationConfig& destination) {
  ReadPathInto(reading, node, destination.age_recipients_file);
  if (!reading.check_files || destination.age_recipients_file.empty()) return;
  const auto text = PosixFiles().ReadAll(destination.age_recipients_file, kRecipientsBytesMax);
  if (!reading.Check(node, text.status())) return;
  if (HasPrivateKey(*text)) {
    reading.Fail(node,
                 "holds a private key, which must not be on this machine; give the public ones");
  }
}

void ReadProof(Reading& reading, const TreeNode& node, DestinationConfig& destination) {
  const auto text = ReadText(reading, node);
  if (!text) return;
  destination.proof = *text == "full" ? CopyProof::kFull : CopyProof::kHash;
  if (*text != "full" && *text != "hash") {
    reading.Fail(node, "must be hash or full, not " + Quoted(*text));
  }
}

constexpr Field<DestinationConfig> kDestinationFields[] = {
    {"name", true,
     [](Reading& reading, const TreeNode& node, DestinationConfig& destination) {
       if (auto name = ReadName(reading, node)) destination.name = *std::move(name);
     }},
    {"remote", true, ReadRemote},
    {"rclone_config", false,
     [](Reading& reading, const TreeNode& node, DestinationConfig& destination) {
       ReadPathInto(reading, node, destination.rclone_config);
       if (!reading.check_files || destination.rclone_config.empty()) return;
       reading.Check(node, PosixFiles().Open(destination.rclone_config).status());
     }},
    {"bandwidth_limit", false,
     [](Reading& reading, const TreeNode& node, DestinationConfig& destination) {
       if (const auto bytes = ReadBytes(reading, node)) destination.bandwidth_limit = *bytes;
     }},
    {"compression", false, ReadCompression},
    {"compression_level", false,
     [](Reading& reading, const TreeNode& node, DestinationConfig& destination) {
       if (const auto level = ReadNumber(reading, node, 1, kLevelMax)) {
         destination.compression_level = *level;
       }
     }},
    {"age_recipients", false, ReadRecipients},
    {"age_recipients_file", false, ReadRecipientsFile},
    {"proof", false, ReadProof},
    {"put_only", false,
     [](Reading& reading, const TreeNode& node, DestinationConfig& destination) {
       destination.put_only = ReadFlag(reading, node).value_or(false);
     }},
    {"retention", false,
     [](Reading& reading, const TreeNode& node, DestinationConfig& destination) {
       destination.retention = ReadRetention(reading, node);
     }},
};

void CheckDestination(Reading& reading, const TreeNode& node,
                      const DestinationConfig& destination) {
  if (const TreeNode* retention = node.Find("retention");
      retention != nullptr && destination.put_only) {
    reading.Fail(*retention, "needs the right to delete, which put_only does without");
  }
  if (const TreeNode* proof = node.Find("proof");
      proof != nullptr && destination.put_only && destination.proof == CopyProof::kFull) {
    reading.Fail(*proof, "needs the right to read, which put_only does without");
  }
  if (const TreeNode* level = node.Find("compression_level");
      level != nullptr && !destination.compress) {
    reading.Fail(*level, "is of no use without compression: zstd");
  }
}

}  // namespace

void ReadDestinations(Reading& reading, const TreeNode& node, BackupConfig& backup) {
  if (!Expect(reading, node, Kind::kList)) return;
  std::set<std::string> names;
  for (const TreeNode& child : node.children) {
    DestinationConfig& destination = backup.destinations.emplace_back();
    ReadMapping(reading, child, kDestinationFields, destination);
    if (child.kind != Kind::kMapping) continue;
    CheckDestination(reading, child, destination);
    if (!destination.name.empty() && !names.insert(destination.name).second) {
      reading.Fail(*child.Find("name"), "is already the name of another destination");
    }
  }
}

void AppendDestinationKeys(std::vector<std::string>& keys, const std::string& prefix) {
  AppendKeys(keys, prefix, kDestinationFields);
  AppendRetentionKeys(keys, prefix + "retention.");
}

}  // namespace warden::config
