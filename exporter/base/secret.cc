#include "exporter/base/secret.h"

#include "exporter/base/files.h"
#include "exporter/base/text.h"

namespace warden {

Secret Secret::Literal(std::string value) {
  return Secret(Text{std::move(value)});
}

Secret Secret::File(std::filesystem::path path) {
  return Secret(std::move(path));
}

Result<std::string> Secret::Read() const {
  if (const Text* text = std::get_if<Text>(&source_)) return text->value;
  constexpr std::size_t kBytesMax = 64UL * 1024;
  const auto& path = std::get<std::filesystem::path>(source_);
  WARDEN_ASSIGN_OR_RETURN(const std::string content, PosixFiles().ReadAll(path, kBytesMax));
  const std::string_view value = Trim(content);
  if (value.empty()) return Status(Code::kInvalidArgument, path.string() + ": the file is empty");
  return std::string(value);
}

}  // namespace warden
