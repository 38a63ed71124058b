#include "tests/bench/objects.h"

#include <cstdio>
#include <string_view>
#include <utility>

namespace warden::bench {
namespace {

struct Kind {
  std::string_view resource;
  int share;              // of all writes, in percent
  std::size_t bytes_min;  // of an object
  std::size_t bytes_max;
  double rewritten;  // how often a write goes to an object that is there already
  bool leased;
};

constexpr std::array<Kind, 8> kKindTable = {{
    {"pods", 30, 3'000, 9'000, 0.7, false},
    {"events", 26, 600, 1'200, 0.1, true},
    {"leases/kube-node-lease", 15, 350, 600, 0.98, false},
    {"replicasets", 8, 3'000, 5'000, 0.5, false},
    {"services/endpoints", 8, 400, 3'000, 0.8, false},
    {"configmaps", 6, 500, 20'000, 0.4, false},
    {"secrets", 6, 1'000, 6'000, 0.3, false},
    {"apiextensions.k8s.io/customresourcedefinitions", 1, 20'000, 200'000, 0.5, false},
}};
constexpr double kDeleted = 0.03;  // of the writes
constexpr std::size_t kPoolBytes = 1 << 20;

constexpr std::array<std::string_view, 18> kWords = {"metadata",
                                                     "namespace",
                                                     "creationTimestamp",
                                                     "labels",
                                                     "app.kubernetes.io/name",
                                                     "spec",
                                                     "containers",
                                                     "image",
                                                     "registry.example.com/",
                                                     "ports",
                                                     "protocol",
                                                     "resources",
                                                     "limits",
                                                     "memory",
                                                     "volumeMounts",
                                                     "serviceaccount",
                                                     "status",
                                                     "managedFields"};

}  // namespace

Objects::Objects(std::uint64_t seed) : random_(seed) {
  while (pool_.size() < kPoolBytes) {
    const std::string_view word = kWords.at(Below(kWords.size()));
    pool_ += '\n';
    pool_ += static_cast<char>(word.size());
    pool_ += word;
    pool_ += Bytes(4);
  }
}

Write Objects::Next() {
  std::size_t kind = 0;
  for (auto left = static_cast<int>(Below(100)); left >= kKindTable.at(kind).share; ++kind) {
    left -= kKindTable.at(kind).share;
  }
  std::vector<std::string>& keys = keys_.at(kind);
  if (!keys.empty() && Fraction() < kDeleted) {
    std::swap(keys.at(Below(keys.size())), keys.back());
    Write write{.key = std::move(keys.back()), .value = std::nullopt};
    keys.pop_back();
    return write;
  }
  if (keys.empty() || Fraction() >= kKindTable.at(kind).rewritten) keys.push_back(NewKey(kind));
  const bool is_new = keys.size() == 1 || Fraction() < 1 - kKindTable.at(kind).rewritten;
  const std::string& key = is_new ? keys.back() : keys.at(Below(keys.size()));
  return {.key = key, .value = Value(kind, key), .leased = kKindTable.at(kind).leased};
}

double Objects::Fraction() {
  return static_cast<double>(random_() >> 11) * 0x1p-53;
}

std::size_t Objects::Below(std::size_t bound) {
  return static_cast<std::size_t>(random_() % bound);
}

std::string Objects::Bytes(std::size_t count) {
  std::string bytes;
  while (bytes.size() < count) {
    const std::uint64_t word = random_();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  bytes.resize(count);
  return bytes;
}

std::string Objects::NewKey(std::size_t kind) {
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "/team-%03d/object-%010llx", static_cast<int>(Below(200)),
                static_cast<unsigned long long>(random_() >> 24));
  return "/registry/" + std::string(kKindTable.at(kind).resource) + name.data();
}

// As the API server marks its Protobuf; a sixteenth of it is new in every version.
std::string Objects::Value(std::size_t kind, const std::string& key) {
  const Kind& of = kKindTable.at(kind);
  const double small = Fraction();  // most objects are near the lower end
  const auto size =
      of.bytes_min +
      static_cast<std::size_t>(static_cast<double>(of.bytes_max - of.bytes_min) * small * small);
  using std::string_literals::operator""s;
  return "k8s\0\n\x0c\n\x02v1\x12"s + key + Bytes(48 + size / 16) +
         pool_.substr(Below(kPoolBytes - size), size);
}

}  // namespace warden::bench
