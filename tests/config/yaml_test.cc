#include "exporter/config/yaml.h"

#include <gtest/gtest.h>

#include <string>

namespace warden::config {
namespace {

// The problems of the text, as lines about a file "f".
std::string ProblemsOf(std::string_view text) {
  Problems problems;
  (void)ReadYaml(text, problems);
  return problems.ToStatus("f").message();
}

std::string Repeat(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Yaml, KeepsPositionsAndPaths) {
  Problems problems;
  const auto root = ReadYaml("a:\n  - x\n  - {b: 'y', c: }\n", problems);
  ASSERT_TRUE(problems.empty());
  const TreeNode* list = root->Find("a");
  ASSERT_NE(list, nullptr);
  ASSERT_EQ(list->children.size(), 2u);
  const TreeNode* b = list->children[1].Find("b");
  const TreeNode* c = list->children[1].Find("c");
  ASSERT_NE(b, nullptr);
  ASSERT_NE(c, nullptr);
  EXPECT_EQ(b->text, "y");
  EXPECT_EQ(b->at.line, 3);
  EXPECT_EQ(b->at.column, 9);
  EXPECT_EQ(b->key_at.column, 6);
  EXPECT_EQ(c->kind, Kind::kNothing);
  EXPECT_EQ(PathOf(*b), "a[1].b");
  EXPECT_EQ(PathOf(list->children[1], "new"), "a[1].new");
  EXPECT_EQ(PathOf(*root), "top level");
  EXPECT_EQ(root->Find("b"), nullptr);
}

TEST(Yaml, FindsDuplicateKeysAtEveryLevel) {
  EXPECT_EQ(ProblemsOf("a: 1\nb:\n  - c: {d: 1, d: 2}\na: 2\n"),
            "f:3:15: b[0].c.d: duplicate key, first given on line 3\n"
            "f:4:1: a: duplicate key, first given on line 1");
}

TEST(Yaml, CopiesWhatAnAliasNames) {
  Problems problems;
  const auto root = ReadYaml("a: &x {k: v}\nb: *x\n", problems);
  ASSERT_NE(root, nullptr) << problems.ToStatus("f").message();
  const TreeNode* b = root->Find("b");
  ASSERT_NE(b->Find("k"), nullptr);
  EXPECT_EQ(b->Find("k")->text, "v");
  EXPECT_EQ(PathOf(*b->Find("k")), "b.k");
}

TEST(Yaml, RefusesWhatAConfigurationNeedsNot) {
  const std::string kYaml = "top level: cannot be read as YAML: ";
  EXPECT_EQ(ProblemsOf(""), "f:1:1: top level: the file holds no configuration");
  EXPECT_EQ(ProblemsOf("# only\n"), "f:1:1: top level: the file holds no configuration");
  EXPECT_EQ(ProblemsOf("a: 1\n---\nb: 2\n"),
            "f:2:1: " + kYaml + "the file holds a second document");
  EXPECT_EQ(ProblemsOf("a: !!str 1\n"), "f:1:4: " + kYaml + "tags have no meaning here");
  EXPECT_EQ(ProblemsOf("? [a]\n: b\n"), "f:1:3: " + kYaml + "a key must be a word");
  EXPECT_EQ(ProblemsOf("a: &x [*x]\n"), "f:1:8: " + kYaml + "an alias to what holds it");
  EXPECT_EQ(ProblemsOf("a: 1\nb: \x04\nc: 2\n"),
            "f:2:4: top level: a control character has no place in the file");
  EXPECT_EQ(ProblemsOf("a: \xff\n"), "f:1:1: top level: the file is not UTF-8 text");
}

TEST(Yaml, SaysWhereTheSyntaxIsWrong) {
  EXPECT_TRUE(ProblemsOf("a: [1, 2\n").starts_with("f:2:1: top level: cannot be read as YAML: "));
  EXPECT_TRUE(
      ProblemsOf("a: 1\n b: 2\n").starts_with("f:2:3: top level: cannot be read as YAML: "));
  EXPECT_TRUE(ProblemsOf("a: *x\n").starts_with("f:1:4: top level: cannot be read as YAML: "));
}

TEST(Yaml, StopsAtItsLimits) {
  const std::string at_depth = Repeat("[", kDepthMax) + "x" + Repeat("]", kDepthMax);
  EXPECT_EQ(ProblemsOf(at_depth), "");
  EXPECT_EQ(ProblemsOf("[" + at_depth + "]"),
            "f:1:33: top level: cannot be read as YAML: more than 32 levels deep");
  EXPECT_FALSE(ProblemsOf(Repeat("[", 500'000)).empty());
  EXPECT_FALSE(ProblemsOf(Repeat("{a: ", 200'000)).empty());

  EXPECT_EQ(ProblemsOf("[" + Repeat("x,", kNodesMax - 1) + "]"), "");
  EXPECT_NE(ProblemsOf("[" + Repeat("x,", kNodesMax) + "]").find("more values than"),
            std::string::npos);

  const std::string padding(kFileBytesMax - 5, '#');
  EXPECT_EQ(ProblemsOf("a: 1\n" + padding), "");
  EXPECT_EQ(ProblemsOf("a: 1\n#" + padding), "f:1:1: top level: the file is larger than 1 MiB");
}

TEST(Yaml, CountsWhatAliasesMultiply) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string name = "a" + std::to_string(i);
    laughs += name + ": &" + name + " [" + Repeat("*a" + std::to_string(i - 1) + ", ", 9) + "]\n";
  }
  EXPECT_NE(ProblemsOf(laughs).find("more values than"), std::string::npos);

  const std::string long_text = "a: &x " + std::string(500'000, 'y') + "\n";
  EXPECT_NE(ProblemsOf(long_text + "b: [" + Repeat("*x, ", 1000) + "]\n").find("more values than"),
            std::string::npos);

  std::string chain = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) {
    const std::string name = "a" + std::to_string(i);
    chain += name + ": &" + name + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_NE(ProblemsOf(chain).find("more than 32 levels deep"), std::string::npos);
}

}  // namespace
}  // namespace warden::config
