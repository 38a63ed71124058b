#include "exporter/config/shown.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace warden::config {
namespace {

std::unique_ptr<const TreeNode> Read(const std::string& text) {
  Problems problems;
  auto root = ReadYaml(text, problems);
  EXPECT_TRUE(problems.empty()) << problems.ToStatus("f").message() << "\n" << text;
  return root;
}

std::string ShownOf(const std::string& text) {
  const auto root = Read(text);
  return root == nullptr ? "" : ShowYaml(*root);
}

void ExpectSame(const TreeNode& a, const TreeNode& b, const std::string& text) {
  EXPECT_EQ(a.kind, b.kind) << text;
  EXPECT_EQ(a.key, b.key) << text;
  EXPECT_EQ(a.text, b.text) << text;
  ASSERT_EQ(a.children.size(), b.children.size()) << text;
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    ExpectSame(a.children[i], b.children[i], text);
  }
}

TEST(ShowYaml, ReadsAsTheSameTree) {
  const std::string texts[] = {
      "a: b\n",
      "a: [x, [y, [z]], {b: c}, {d: {}, e: []}, [], {}]\n",
      "a: {b: {c: {d: [1, {e: f}]}}}\n",
      "- a\n- - b\n  - c\n- d: e\n  f: g\n",
      "a:\nb: ~\nc: null\n",
      R"(a: ["~", "null", "", " ", "true", "no", "1e3", "-", "--", "-a", "?", "a: b", "a:"])",
      R"(a: ["#c", "a #c", "a#c", "[x]", "{x}", "*x", "&x", "!x", "%x", "@x", "`x`", "a, b"])",
      R"(a: ["\"", "\\", "\\n", "a\nb", "\t", "\0", "\x04", "\x7f", "\r\n", "x\\", "a\\\"b"])",
      "a: [\"\xc3\xa4\xe2\x82\xac\", '\xf0\x9f\x90\xa2 x', \"\\u2028\", \"\\x85\", \"\\xff\"]\n",
      "a: [':', '::1', '[::1]:2379', 'http://[::1]:2379', 'unix:///run/a@b.sock', 'x:', 'x: ']\n",
      R"(a: ['severity!~"info|none"', 'alertname=~"A.*|B"', '---', '...', '- x', '> x', '| x'])",
      "a: |\n  two\n  lines\nb: >\n  folded\n  text\n",
      "a: &x {b: c}\nd: *x\n# comment\n",
  };
  for (const std::string& text : texts) {
    const auto root = Read(text);
    ASSERT_NE(root, nullptr);
    const std::string shown = ShowYaml(*root);
    const auto again = Read(shown);
    ASSERT_NE(again, nullptr) << shown;
    ExpectSame(*root, *again, text + "->\n" + shown);
  }
}

TEST(ShowYaml, KeepsTheOrderAndLeavesOutComments) {
  EXPECT_EQ(ShownOf("z: 1 # one\n# two\na: {y: [x, {w: v, u: t}], b: }\n"),
            "z: 1\n"
            "a:\n"
            "  y:\n"
            "    - x\n"
            "    - w: v\n"
            "      u: t\n"
            "  b: ~\n");
}

TEST(ShowYaml, MasksWhatSoundsLikeASecret) {
  for (const std::string key :
       {"password", "Password", "bearer_token", "token", "secret", "client_secret", "secrets",
        "api_key", "key", "hash", "password_hash", "file_password"}) {
    EXPECT_EQ(ShownOf(key + ": hunter2\n"), key + ": \"<secret>\"\n");
    EXPECT_EQ(ShownOf(key + ": [hunter2, {a: hunter2}]\nb: c\n"), key + ": \"<secret>\"\nb: c\n");
  }
  for (const std::string key :
       {"password_file", "bearer_token_file", "key_file", "hashkv", "keyring", "name"}) {
    EXPECT_EQ(ShownOf(key + ": x\n"), key + ": x\n");
  }
}

TEST(ShowYaml, MasksTheUsersOfUrls) {
  EXPECT_EQ(ShownOf("a: https://u:hunter2@e:1\n"), "a: \"https://<secret>@e:1\"\n");
  EXPECT_EQ(ShownOf("a: ['x https://u:hun/t@er2@e:1/p']\n"),
            "a:\n  - \"x https://<secret>@e:1/p\"\n");
  EXPECT_EQ(ShownOf("a: unix:///run/a@b.sock\n"), "a: \"unix:///run/a@b.sock\"\n");
  EXPECT_EQ(ShownOf("a: b@c\n"), "a: \"b@c\"\n");
}

}  // namespace
}  // namespace warden::config
