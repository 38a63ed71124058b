// The part of the web configuration file that is called tls_server_config.
#pragma once

#include <string_view>
#include <vector>

#include "exporter/config/fields.h"
#include "exporter/config/web.h"

namespace warden::config {

// Reads the node and, if files are to be checked, the certificates and the key. Leaves `config`
// without TLS if the node gives neither.
void ReadWebTls(Reading& reading, const TreeNode& node, WebConfig& config);

// Its keys.
std::vector<std::string_view> WebTlsKeys();

}  // namespace warden::config
