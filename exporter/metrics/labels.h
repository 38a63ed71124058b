// The label names that several families share. Names that Prometheus installations add themselves
// (cluster, endpoint, pod, namespace, service) are avoided, so that no value is renamed on the way.
#pragma once

#include <string_view>

namespace warden::metrics {

inline constexpr std::string_view kClusterLabel = "etcd_cluster";    // the configured name
inline constexpr std::string_view kEndpointLabel = "etcd_endpoint";  // the configured URL
inline constexpr std::string_view kMemberLabel = "member_id";  // FormatId, joins native metrics
inline constexpr std::string_view kRpcLabel = "rpc";           // RpcName

}  // namespace warden::metrics
