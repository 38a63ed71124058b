#include "exporter/http/auth.h"

#include <gtest/gtest.h>

namespace warden::http {
namespace {

TEST(BearerToken, IsAcceptedOnlyWhole) {
  struct Case {
    const char* header;
    bool accepted;
  };
  const Case cases[] = {
      {"Bearer s3cret", true},
      {"bearer s3cret", true},
      {"BEARER s3cret", true},
      {"Bearer  s3cret ", true},
      {"", false},
      {"Bearer", false},
      {"Bearer ", false},
      {"Bearers3cret", false},
      {"s3cret", false},
      {"Basic s3cret", false},
      {"Bearer s3cre", false},
      {"Bearer s3crets", false},
      {"Bearer S3CRET", false},
      {"Bearer s3cret s3cret", false},
      {"Bearer x, Bearer s3cret", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.header);
    Request request;
    request.headers["authorization"] = c.header;
    EXPECT_EQ(HasBearerToken(request, "s3cret"), c.accepted);
  }
}

TEST(BearerToken, IsMissingWithoutItsHeader) {
  EXPECT_FALSE(HasBearerToken(Request{}, "s3cret"));
}

TEST(BearerToken, NeverMatchesAnEmptyOne) {
  Request request;
  for (const char* header : {"", "Bearer", "Bearer "}) {
    request.headers["authorization"] = header;
    EXPECT_FALSE(HasBearerToken(request, "")) << header;
  }
}

// "user|password", or "none".
std::string BasicOf(const std::string& header) {
  Request request;
  request.headers["authorization"] = header;
  const std::optional<Credentials> credentials = ParseBasicAuth(request);
  return credentials ? credentials->user + "|" + credentials->password : "none";
}

TEST(BasicAuth, IsUserAndPassword) {
  EXPECT_EQ(BasicOf("Basic YWxpY2U6aHVudGVyMg=="), "alice|hunter2");
  EXPECT_EQ(BasicOf("basic  YWxpY2U6aHVudGVyMg== "), "alice|hunter2");
  EXPECT_EQ(BasicOf("BASIC Og=="), "|");
  EXPECT_EQ(BasicOf("Basic YTpiOmM="), "a|b:c");
  EXPECT_EQ(BasicOf("Basic w6k6w6k/"), "\xc3\xa9|\xc3\xa9?");
}

TEST(BasicAuth, IsNothingElse) {
  EXPECT_EQ(ParseBasicAuth(Request{}), std::nullopt);
  const char* const headers[] = {
      "",
      "Basic",
      "Basic ",
      "Basic YWxpY2U=",  // no colon
      "Bearer Og==",
      "BasicOg==",
      "Basic Og=",
      "Basic Og",
      "Basic Og===",
      "Basic O=g=",
      "Basic ====",
      "Basic =",
      "Basic O g=",
      "Basic Og==Og==",
      "Basic O\ng=",
      "Basic -_==",
      "Basic Og==, Basic Og==",
  };
  for (const char* header : headers) EXPECT_EQ(BasicOf(header), "none") << header;
}

}  // namespace
}  // namespace warden::http
