// A directory with every file that the tests' configurations name, and one configuration in it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "exporter/config/config.h"
#include "tests/support/certificates.h"

namespace warden::config {

class ConfigFile : public ::testing::Test {
 protected:
  ConfigFile() : ca_(dir_) {
    ca_.Issue("client");
    ca_.Issue("other");
    dir_.Write("password", "hunter2\n");
    dir_.Write("token", "t0ken\n");
    dir_.Write("empty", "");
  }

  Result<ValidConfig> LoadText(std::string_view text) { return Load(dir_.Write("w.yaml", text)); }

  // The message of a refusal, with "DIR" for the directory; "" if there is none.
  std::string ErrorsOf(std::string_view text) {
    std::string message = LoadText(text).status().message();
    const std::string dir = dir_.path().string();
    for (std::size_t at = 0; (at = message.find(dir, at)) != std::string::npos;) {
      message.replace(at, dir.size(), "DIR");
    }
    return message;
  }

  warden::testing::TempDir dir_;
  warden::testing::CertificateAuthority ca_;
};

}  // namespace warden::config
