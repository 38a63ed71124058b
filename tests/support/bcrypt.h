// Password hashes for a test's web configuration.
#pragma once

#include <crypt.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace warden::testing {

// As `htpasswd -nB` makes it, at the lowest cost there is.
inline std::string Bcrypt(const std::string& password, const std::string& prefix = "$2y$") {
  const auto data = std::make_unique<crypt_data>();
  const std::string salt = prefix + "04$abcdefghijklmnopqrstuu";
  const char* const hash = crypt_r(password.c_str(), salt.c_str(), data.get());
  if (hash == nullptr || std::string(hash).size() != 60) {
    throw std::runtime_error("crypt knows no bcrypt here");
  }
  return hash;
}

}  // namespace warden::testing
