#include "exporter/snapshot/digest.h"

#include <gtest/gtest.h>

#include <string>

#include "exporter/base/text.h"

namespace warden::snapshot {
namespace {

// Of FIPS 180-2.
constexpr const char* kOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kOfAMillionA =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, IsTheStandards) {
  EXPECT_EQ(FormatHex(Sha256().Digest()), kOfNothing);
  Sha256 million;
  for (int i = 0; i < 1000; ++i) million.Add(std::string(1000, 'a'));
  EXPECT_EQ(FormatHex(million.Digest()), kOfAMillionA);
}

TEST(Sha256, TellsTheDigestSoFarAndGoesOn) {
  Sha256 digest;
  digest.Add("ab");
  EXPECT_NE(FormatHex(digest.Digest()), kOfAbc);
  digest.Add("");
  digest.Add("c");
  EXPECT_EQ(FormatHex(digest.Digest()), kOfAbc);
  EXPECT_EQ(FormatHex(digest.Digest()), kOfAbc);
  EXPECT_EQ(digest.Digest().size(), kDigestBytes);
}

}  // namespace
}  // namespace warden::snapshot
