#include "exporter/http/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/http/http_server.h"

namespace warden::http {
namespace {

std::string Unpack(std::string packed) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return "no zlib";
  std::string text(kPageBytes, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int end = inflate(&stream, Z_FINISH);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return end == Z_STREAM_END ? text : "no gzip";
}

TEST(Gzip, IsAcceptedByWhoeverSaysSo) {
  struct Case {
    const char* header;
    bool accepted;
  };
  const Case cases[] = {
      {"", false},
      {"gzip", true},
      {"GZIP", true},
      {"x-gzip", true},
      {"deflate, gzip", true},
      {"gzip;q=1.0, deflate", true},
      {"gzip ; q=0.001", true},
      {" gzip\t;\tQ=1 ", true},
      {"gzip;q=0", false},
      {"gzip;q=0.000", false},
      {"gzip;q=0, *", false},
      {"*", true},
      {"*;q=0", false},
      {"*;q=0, gzip", true},
      {"identity", false},
      {"deflate, br", false},
      {"gzip;q=0.5, identity", false},
      {"gzip;q=0.5, identity;q=0.5", true},
      {"gzip, identity;q=0", true},
      {"gzip;q=2", false},
      {"gzip;q=-1", false},
      {"gzip;q=nan", false},
      {"gzip;q=1e0", false},
      {"gzip;q=", false},
      {"gzip;q", false},
      {"gzip;level=9", false},
      {"gzip;q=0.00001", false},
      {"gzipped", false},
      {",,;;,gzip", true},
  };
  for (const Case& c : cases) EXPECT_EQ(AcceptsGzip(c.header), c.accepted) << c.header;
}

TEST(Gzip, IsForTextOfSomeLength) {
  const auto compressible = [](const char* type, std::size_t bytes) {
    return IsCompressible({.content_type = type, .body = std::string(bytes, 'x'), .headers = {}});
  };
  EXPECT_TRUE(compressible("text/plain; version=0.0.4", 1024));
  EXPECT_TRUE(compressible("Text/HTML", 1024));
  EXPECT_TRUE(compressible("application/json", 1024));
  EXPECT_FALSE(compressible("text/plain", 1023));
  EXPECT_FALSE(compressible("application/octet-stream", 4096));
  EXPECT_FALSE(compressible("image/png", 4096));
  EXPECT_FALSE(
      IsCompressible({.body = std::string(4096, 'x'), .headers = {{"content-encoding", "zstd"}}}));
}

TEST(Gzip, IsWhatZlibUnpacks) {
  Response response{.body = "# HELP x\n", .headers = {}};
  for (int i = 0; i < 1000; ++i) response.body += "x " + std::to_string(i) + "\n";
  const std::string text = response.body;
  Compress(response);
  EXPECT_LT(response.body.size(), text.size() / 2);
  EXPECT_EQ(Unpack(response.body), text);
}

TEST_F(HttpServer, CompressesForWhoeverAsksForIt) {
  Start({});
  const HttpReply plain = Get(port_, "/page");
  EXPECT_EQ(plain.headers.at("vary"), "Accept-Encoding");
  EXPECT_EQ(plain.headers.count("content-encoding"), 0U);
  const testing::HttpHeaders asking = {{"Accept-Encoding", "gzip"}};
  const HttpReply packed = Get(port_, "/page", asking);
  EXPECT_EQ(packed.headers.at("content-encoding"), "gzip");
  EXPECT_EQ(packed.headers.at("vary"), "Accept-Encoding");
  EXPECT_EQ(Unpack(packed.body), plain.body);
  const HttpReply head = Ask(port_, "HEAD", "/page", asking);
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(packed.body.size()));
  const HttpReply small = Get(port_, "/hello", asking);
  EXPECT_EQ(small.body, "hello\n");
  EXPECT_EQ(small.headers.count("vary"), 0U);
}

}  // namespace
}  // namespace warden::http
