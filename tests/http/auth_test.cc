#include <gtest/gtest.h>

#include "exporter/http/server.h"

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

}  // namespace
}  // namespace warden::http
