// X.509 files as an operator hands them over.
#pragma once

#include <filesystem>
#include <string>

#include "exporter/base/result.h"

namespace warden {

// Fails unless the file holds at least one PEM certificate; the message names the file.
Status CheckCertificateFile(const std::filesystem::path& path);

// Fails unless both files parse and the private key belongs to the (first) certificate. An
// encrypted key is refused: nobody is there to type its passphrase.
Status CheckKeyPair(const std::filesystem::path& cert, const std::filesystem::path& key);

// Of the library in use: "3.0.16".
std::string OpenSslVersion();

}  // namespace warden
