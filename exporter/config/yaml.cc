#include "exporter/config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "exporter/base/text.h"

namespace warden::config {
namespace {

constexpr std::string_view kRootPath = "top level";

Position ToPosition(const YAML::Mark& mark) {
  return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

// How many mappings and lists the node is deep.
std::size_t Height(const TreeNode& node) {
  std::size_t height = 0;
  for (const TreeNode& child : node.children) height = std::max(height, Height(child));
  return height + (node.kind == Kind::kList || node.kind == Kind::kMapping ? 1 : 0);
}

// Turns yaml-cpp's events into the tree. Throws yaml-cpp's own exception where a limit is passed.
class TreeBuilder final : public YAML::EventHandler {
 public:
  std::unique_ptr<TreeNode> TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_ != nullptr) throw YAML::ParserException(mark, "the file holds a second document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    TreeNode node = MakeNode(Kind::kNothing, mark, "");
    // The mark of a value that is not there is that of whatever follows it.
    if (!open_.empty() && open_.back().key) node.at = open_.back().key_at;
    Add(std::move(node), anchor, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    TreeNode node = MakeNode(Kind::kText, mark, tag);
    node.text = value;
    Add(std::move(node), anchor, mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(Kind::kList, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(Kind::kMapping, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) throw YAML::ParserException(mark, "an alias to what holds it");
    if (open_.size() + Height(found->second) > kDepthMax) FailDepth(mark);
    Spend(found->second, mark);
    TreeNode copy = found->second;
    // A bad value is where it is written; a bad key is where the alias stands.
    if (ExpectsKey()) copy.at = ToPosition(mark);
    Add(std::move(copy), 0, mark);
  }

 private:
  struct Frame {
    TreeNode node;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    std::optional<std::string> key;  // read, its value not yet
    Position key_at;
  };

  [[noreturn]] static void FailDepth(const YAML::Mark& mark) {
    throw YAML::ParserException(mark, "more than " + std::to_string(kDepthMax) + " levels deep");
  }

  static TreeNode MakeNode(Kind kind, const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw YAML::ParserException(mark, "tags have no meaning here");
    }
    TreeNode node;
    node.kind = kind;
    node.at = ToPosition(mark);
    return node;
  }

  bool ExpectsKey() const {
    return !open_.empty() && open_.back().node.kind == Kind::kMapping && !open_.back().key;
  }

  void Open(Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (ExpectsKey()) throw YAML::ParserException(mark, "a key must be a word");
    if (open_.size() == kDepthMax) FailDepth(mark);
    open_.push_back({MakeNode(kind, mark, tag), anchor, mark, std::nullopt, {}});
  }

  void Close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    Add(std::move(frame.node), frame.anchor, frame.mark);
  }

  // Gives a finished node to what holds it.
  void Add(TreeNode node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    SpendOne(node, mark);
    if (anchor != 0) {
      Spend(node, mark);
      anchored_[anchor] = node;
    }
    if (open_.empty()) {
      root_ = std::make_unique<TreeNode>(std::move(node));
      return;
    }
    Frame& frame = open_.back();
    if (frame.node.kind == Kind::kMapping && !frame.key) {
      if (node.kind != Kind::kText) throw YAML::ParserException(mark, "a key must be a word");
      frame.key = std::move(node.text);
      frame.key_at = node.at;
      return;
    }
    if (frame.node.kind == Kind::kMapping) {
      node.key = *std::exchange(frame.key, std::nullopt);
      node.key_at = frame.key_at;
    }
    frame.node.children.push_back(std::move(node));
  }

  void SpendOne(const TreeNode& node, const YAML::Mark& mark) {
    nodes_ += 1;
    text_bytes_ += node.text.size() + node.key.size();
    if (nodes_ > kNodesMax || text_bytes_ > kTextBytesMax) {
      throw YAML::ParserException(mark, "more values than a configuration may hold");
    }
  }
  void Spend(const TreeNode& node, const YAML::Mark& mark) {
    SpendOne(node, mark);
    for (const TreeNode& child : node.children) Spend(child, mark);
  }

  std::vector<Frame> open_;
  std::map<YAML::anchor_t, TreeNode> anchored_;
  std::unique_ptr<TreeNode> root_;
  std::size_t nodes_ = 0;
  std::size_t text_bytes_ = 0;
};

// Refuses duplicate keys, then ties the children to their parent.
void Finish(TreeNode& node, Problems& problems) {
  if (node.kind == Kind::kMapping) {
    std::map<std::string, Position, std::less<>> seen;
    std::vector<TreeNode> kept;
    kept.reserve(node.children.size());
    for (TreeNode& child : node.children) {
      const auto [first, is_new] = seen.emplace(child.key, child.key_at);
      if (is_new) {
        kept.push_back(std::move(child));
      } else {
        problems.Add(child.key_at, PathOf(node, child.key),
                     "duplicate key, first given on line " + std::to_string(first->second.line));
      }
    }
    node.children = std::move(kept);
  }
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    node.children[i].parent = &node;
    node.children[i].index = i;
    Finish(node.children[i], problems);
  }
}

// yaml-cpp takes bytes it cannot decode for others, and the byte 4 for the end of the file.
bool CheckCharacters(std::string_view text, Problems& problems) {
  Position at;
  for (const char c : text) {
    if (c == '\n') {
      at = {at.line + 1, 1};
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\r') || byte == 0x7f) {
      problems.Add(at, std::string(kRootPath), "a control character has no place in the file");
      return false;
    }
    if ((byte & 0xc0) != 0x80) ++at.column;
  }
  if (ToValidUtf8(text) == text) return true;
  problems.Add({}, std::string(kRootPath), "the file is not UTF-8 text");
  return false;
}

}  // namespace

const TreeNode* TreeNode::Find(std::string_view wanted) const {
  const auto found = std::find_if(children.begin(), children.end(),
                                  [&](const TreeNode& child) { return child.key == wanted; });
  return kind == Kind::kMapping && found != children.end() ? &*found : nullptr;
}

std::string PathOf(const TreeNode& node) {
  if (node.parent == nullptr) return std::string(kRootPath);
  if (node.parent->kind == Kind::kMapping) return PathOf(*node.parent, node.key);
  const std::string index = "[" + std::to_string(node.index) + "]";
  return node.parent->parent == nullptr ? index : PathOf(*node.parent) + index;
}

std::string PathOf(const TreeNode& node, std::string_view key) {
  const std::string shown = ToSingleLine(key, 64);
  return node.parent == nullptr ? shown : PathOf(node) + "." + shown;
}

std::unique_ptr<const TreeNode> ReadYaml(std::string_view text, Problems& problems) {
  if (text.size() > kFileBytesMax) {
    problems.Add({}, std::string(kRootPath), "the file is larger than 1 MiB");
    return nullptr;
  }
  if (!CheckCharacters(text, problems)) return nullptr;
  TreeBuilder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    problems.Add(ToPosition(error.mark), std::string(kRootPath),
                 "cannot be read as YAML: " + ToSingleLine(error.msg, 200));
    return nullptr;
  } catch (const std::exception& error) {
    problems.Add({}, std::string(kRootPath),
                 "cannot be read as YAML: " + ToSingleLine(error.what(), 200));
    return nullptr;
  }
  std::unique_ptr<TreeNode> root = builder.TakeRoot();
  if (root == nullptr) {
    problems.Add({}, std::string(kRootPath), "the file holds no configuration");
    return nullptr;
  }
  Finish(*root, problems);
  return root;
}

}  // namespace warden::config
