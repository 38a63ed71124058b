// The rules find what they are for, and nothing else, on sources written for the purpose.
#include "tests/tidy/rules.h"

#include <gtest/gtest.h>

#include <array>
#include <sstream>

namespace warden::tidy {
namespace {

std::string Print(const Findings& findings) {
  std::ostringstream out;
  for (const Finding& finding : findings) out << finding << "\n";
  return out.str();
}

std::vector<std::string> Code(std::string_view text) {
  std::vector<std::string> code;
  for (const Line& line : ParseSource("x.cc", text).lines) code.push_back(line.code);
  return code;
}

TEST(TidySource, KeepsCodeAndDropsCommentsAndLiterals) {
  const struct {
    std::string_view text;
    std::vector<std::string> code;
  } cases[] = {
      {"a();  // b()", {"a();  "}},
      {"a(/* b( */);", {"a();"}},
      {"a /* b\nc */ d", {"a ", " d"}},
      {R"(a("b // c", '"', 'd');)", {R"(a("", '', '');)"}},
      {R"(a("b\"c");)", {R"(a("");)"}},
      {"a(R\"x(b\n\"c\")\" )x\");", {"a(R\"\"", ");"}},
      {"1'000'000;  // it's", {"1'000'000;  "}},
      {"", {}},
  };
  for (const auto& test : cases) EXPECT_EQ(Code(test.text), test.code) << test.text;
}

TEST(TidySource, FindsCommentsAndIncludes) {
  const Source source = ParseSource("x.cc",
                                    "#include \"a/b.h\"\n"
                                    "#include <vector>  // why\n"
                                    "// #include <map>\n"
                                    "const char* text = R\"(\n#include <set>\n)\";\n");
  EXPECT_EQ(source.lines[1].comment, " why");
  const std::vector<Include> includes = FindIncludes(source);
  ASSERT_EQ(includes.size(), 2U);
  EXPECT_EQ(includes[0].path, "a/b.h");
  EXPECT_TRUE(includes[0].quoted);
  EXPECT_EQ(includes[1].line, 2);
  EXPECT_FALSE(includes[1].quoted);
}

TEST(TidySource, FindsFunctionsInNamespacesAndClasses) {
  const Source source = ParseSource("x.cc",
                                    "namespace a {\n"                       // 1
                                    "struct Row {\n"                        // 2
                                    "  int x = 0;\n"                        // 3
                                    "};\n"                                  // 4
                                    "constexpr Row kRows[] = {\n"           // 5
                                    "    {Make(1)},\n"                      // 6
                                    "};\n"                                  // 7
                                    "template <class T>\n"                  // 8
                                    "class ATTRIBUTE(\"x\") Box final {\n"  // 9
                                    " public:\n"                            // 10
                                    "  // Comment.\n"                       // 11
                                    "  Box() : x_(1) {}\n"                  // 12
                                    "  int Get(\n"                          // 13
                                    "      int y) const override {\n"       // 14
                                    "    if (y) {\n"                        // 15
                                    "    }\n"                               // 16
                                    "  }\n"                                 // 17
                                    "};\n"                                  // 18
                                    "void f() {\n"                          // 19
                                    "  g([] {\n"                            // 20
                                    "  });\n"                               // 21
                                    "}\n"                                   // 22
                                    "}  // namespace a\n");
  std::vector<std::pair<int, int>> found;
  for (const Function& function : FindFunctions(source)) {
    found.emplace_back(function.first, function.last);
  }
  EXPECT_EQ(found, (std::vector<std::pair<int, int>>{{12, 12}, {13, 17}, {19, 22}}));
}

TEST(TidyRules, ReportSizesWhereTheyPassTheLimit) {
  const Limits limits{.columns = 10, .header_lines = 2, .source_lines = 4, .function_lines = 3};
  const std::string text =
      "void f() {\n"
      "  aaaaaaa;\n"
      "  é;  // ü\n"
      "}\n";
  EXPECT_EQ(Print(CheckSizes(ParseSource("x.cc", text), limits)),
            "x.cc:1: lines of the function: 4, the limit is 3\n");
  EXPECT_EQ(Print(CheckSizes(ParseSource("x.h", "a\nb\n12345678901\n"), limits)),
            "x.h:3: columns: 11, the limit is 10\n"
            "x.h:3: lines of the file: 3, the limit is 2\n");
}

TEST(TidyRules, ReportAnIncludeFromTheRight) {
  constexpr std::array<std::string_view, 3> kOrder = {"base", "etcd", "main.cc"};
  const auto check = [&](const std::string& path, const std::string& include) {
    return Print(CheckOrder(ParseSource(path, "\n#include \"" + include + "\"\n"), kOrder));
  };
  EXPECT_EQ(check("exporter/etcd/view.cc", "exporter/etcd/view.h"), "");
  EXPECT_EQ(check("exporter/etcd/view.cc", "exporter/base/text.h"), "");
  EXPECT_EQ(check("exporter/main.cc", "exporter/etcd/view.h"), "");
  EXPECT_EQ(check("exporter/base/text.cc", "exporter/etcd/view.h"),
            "exporter/base/text.cc:2: base must not include \"exporter/etcd/view.h\": "
            "only its own folder and folders to its left\n");
  EXPECT_NE(check("exporter/etcd/view.cc", "exporter/other/x.h"), "");
  EXPECT_NE(check("exporter/etcd/view.cc", "tests/support/temp_dir.h"), "");
  EXPECT_EQ(check("exporter/other/x.cc", "exporter/base/text.h"),
            "exporter/other/x.cc:1: other has no place in the order of the modules\n");
  EXPECT_EQ(check("tests/base/text_test.cc", "exporter/etcd/view.h"), "");
}

TEST(TidyRules, ReportHeadersAndIncludesOutOfForm) {
  const std::set<std::string> paths = {"a/b.h", "a/c.h"};
  const auto check = [&](const std::string& path, const std::string& text) {
    return Print(CheckIncludes(ParseSource(path, text), paths));
  };
  EXPECT_EQ(check("a/b.h", "// What for.\n#pragma once\n#include \"a/c.h\"\n"), "");
  EXPECT_NE(check("a/b.h", "// What for.\n#include \"a/c.h\"\n#pragma once\n"), "");
  EXPECT_NE(check("a/b.h", "#pragma once\n"), "");
  EXPECT_NE(check("a/b.h", ""), "");
  EXPECT_EQ(check("a/b.cc", "#include \"a/b.h\"\n\n#include <map>\n#include \"x/y.pb.h\"\n"), "");
  EXPECT_EQ(check("a/b.cc", "#include <map>\n\n#include \"a/b.h\"\n"),
            "a/b.cc:1: the first include is \"a/b.h\"\n");
  EXPECT_NE(check("a/b.cc", "int x;\n"), "");
  EXPECT_EQ(check("a/main.cc", "#include \"c.h\"\n"),
            "a/main.cc:1: \"c.h\" is no file from the repository root\n");
  EXPECT_NE(check("a/main.cc", "#include <a/c.h>\n"), "");
}

TEST(TidyRules, ReportABanUnlessAtHomeOrExcused) {
  const std::vector<Ban> bans = {
      {.what = "raw new", .pattern = R"(\bnew \w)", .example = "", .excuse = R"(NOLINT: \w+)"},
      {.what = "a clock", .pattern = R"(now\()", .example = "", .homes = {"a/clock.cc", "b/"}},
      {.what = "a marker", .pattern = "FIXME", .example = "", .in_comments = true},
  };
  const auto check = [&](const std::string& path, const std::string& text) {
    return Print(CheckBans(ParseSource(path, text), bans));
  };
  EXPECT_EQ(check("x.cc", "// a new thing\nf(\"new thing, now()\");\nf(\"FIXME\");\n"), "");
  EXPECT_EQ(check("x.cc", "T* t = new T;\n"), "x.cc:1: raw new\n");
  EXPECT_EQ(check("x.cc", "T* t = new T;  // NOLINT\n"), "x.cc:1: raw new\n");
  EXPECT_EQ(check("x.cc", "T* t = new T;  // NOLINT: private\n"), "");
  EXPECT_EQ(check("x.cc", "\nnow();\n"), "x.cc:2: a clock; it belongs to a/clock.cc, b/\n");
  EXPECT_EQ(check("a/clock.cc", "now();\n"), "");
  EXPECT_EQ(check("b/x.cc", "now();\n"), "");
  EXPECT_EQ(check("x.cc", "f();  // FIXME\n"), "x.cc:1: a marker\n");
}

TEST(TidyRules, ReadTheSourcesThatCMakeBuilds) {
  const std::string cmake =
      "warden_module(base  # not c.cc\n"
      "  SOURCES a.cc\n"
      "          b.cc\n"
      "  DEPENDS x)\n"
      "add_executable(program main.cc)\n"
      "set(file ${CMAKE_CURRENT_SOURCE_DIR}/proto/etcd.proto)\n"
      "set_source_files_properties(app/build.cc PROPERTIES X y)\n"
      "warden_fuzzer(config_fuzz DEPENDS y)\n"
      "warden_test(base_test SOURCES base/text_test.cc)\n";
  EXPECT_EQ(ListedSources(cmake),
            (std::set<std::string>{"base/a.cc", "base/b.cc", "base/text_test.cc", "config_fuzz.cc",
                                   "main.cc", "proto/etcd.proto"}));
}

TEST(TidyRules, ReportChangelogEntriesWithoutAKind) {
  const std::string good = "# Changelog\n\nAnything.\n\n## 0.1.0\n\n- [FEATURE] New.\n  More.\n\n";
  EXPECT_EQ(Print(CheckChangelog("C", good)), "");
  for (const std::string line :
       {"- New.", "- [NEW] New.", "Text.", "- [FEATURE]", "* [BUGFIX] X."}) {
    EXPECT_EQ(CheckChangelog("C", good + line + "\n").size(), 1U) << line;
  }
  EXPECT_EQ(CheckChangelog("C", "## 0.1.0\n\n  Not below an entry.\n").size(), 1U);
  EXPECT_EQ(CheckChangelog("C", "# Changelog\n").size(), 1U);
}

TEST(TidyRules, ReportEveryLineWithAWord) {
  EXPECT_EQ(Print(CheckWord("x", "a\nword\nb word\n", "word")),
            "x:2: \"word\" names a machine, not ours\nx:3: \"word\" names a machine, not ours\n");
  EXPECT_EQ(Print(CheckWord("x", "a\n", "word")), "");
}

}  // namespace
}  // namespace warden::tidy
