// A cluster whose ids and files are known: `snapshot restore` of 3.4.23, 3.5.35, 3.6.16 and 3.7.3
// was asked for it.
#pragma once

#include "exporter/restore/membership.h"

namespace warden::restore {

inline constexpr std::string_view kThreeMembers =
    "m1=http://127.0.0.1:21101,m2=http://127.0.0.1:21102,m3=http://127.0.0.1:21103,"
    "m1=http://127.0.0.1:21100";

inline NewCluster ThreeMembers() {
  return *ParseInitialCluster(kThreeMembers, "tok");
}

// Their ids, in ascending order.
inline constexpr std::uint64_t kFirstId = 6829063623764520350;
inline constexpr std::uint64_t kSecondId = 10411510122038010722U;
inline constexpr std::uint64_t kThirdId = 14729128598830408310U;
inline constexpr std::uint64_t kClusterId = 8462541891254967410;

// As etcd's tools write them.
inline constexpr std::string_view kFirstJson =
    R"({"id":6829063623764520350,"peerURLs":["http://127.0.0.1:21100","http://127.0.0.1:21101"],)"
    R"("name":"m1"})";
inline constexpr std::string_view kSecondJson =
    R"({"id":10411510122038010722,"peerURLs":["http://127.0.0.1:21102"],"name":"m2"})";
inline constexpr std::string_view kThirdJson =
    R"({"id":14729128598830408310,"peerURLs":["http://127.0.0.1:21103"],"name":"m3"})";

}  // namespace warden::restore
