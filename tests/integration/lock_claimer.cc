// A lock between wardens as a program, for lock_test.py: its settings are JSON in the first
// argument, and each line of its input is a command, answered by a line of JSON.
//
//   claim WORK   done WORK   give-up WORK   drop WORK (without a word to etcd)
//   claim-all COUNT (the works 1 to COUNT; those that are ours are done at once)
#include <array>
#include <iostream>
#include <map>
#include <string>

#include "exporter/base/json.h"
#include "exporter/etcd/lock.h"

namespace warden::etcd {
namespace {

std::string_view NameOf(ClaimVerdict verdict) {
  constexpr std::array<std::string_view, 4> kNames = {"ours", "done", "held", "unavailable"};
  return kNames.at(static_cast<std::size_t>(verdict));
}

class Claimer {
 public:
  explicit Claimer(const ParsedJson& settings) {
    ClusterOptions cluster;
    for (const std::string& url : FindStrings(settings, "endpoints")) {
      cluster.endpoints.push_back(*config::ParseEndpoint(url));
    }
    if (const auto user = FindString(settings, "user")) {
      cluster.auth = {.username = *user,
                      .password = Secret::Literal(FindString(settings, "password").value_or(""))};
    }
    WorkLockOptions options;
    options.holder = FindString(settings, "holder").value_or("");
    options.ttl = Seconds(FindInteger(settings, "ttl").value_or(options.ttl.count()));
    lock_ = MakeWorkLock(cluster, options, clock_);
  }

  Json Obey(std::string_view command, const std::string& work) {
    if (command == "claim") {
      claims_[work] = lock_->TryClaim(work, Soon());
      return Show(claims_[work]);
    }
    if (command == "claim-all") return ClaimAll(std::stoi(work));
    Claim& claim = claims_[work];
    if (command == "done") return Show(lock_->Done(claim, "the result", Soon()));
    if (command == "give-up") return Show(lock_->GiveUp(claim, Soon()));
    if (command == "drop") return {{"dropped", claims_.erase(work)}};
    return {{"error", "no such command"}};
  }

 private:
  Deadline Soon() const { return {.at = clock_.Steady() + Seconds(60), .stop = {}}; }

  static Json Show(const Claim& claim) {
    return {{"verdict", NameOf(claim.verdict)},
            {"holder", claim.holder},
            {"result", claim.result},
            {"reason", claim.reason}};
  }
  static Json Show(const Status& status) {
    return {{"code", static_cast<int>(status.code())}, {"message", status.message()}};
  }

  Json ClaimAll(int count) {
    Json verdicts = Json::array();
    for (int work = 1; work <= count; ++work) {
      Claim claim = lock_->TryClaim(std::to_string(work), Soon());
      verdicts.push_back(NameOf(claim.verdict));
      if (claim.verdict != ClaimVerdict::kOurs) continue;
      const Status done = lock_->Done(claim, "", Soon());
      if (!done.ok()) verdicts.back() = done.message();
    }
    return {{"verdicts", verdicts}};
  }

  const SystemClock clock_;
  std::unique_ptr<WorkLock> lock_;
  std::map<std::string, Claim> claims_;
};

}  // namespace
}  // namespace warden::etcd

int main(int argc, char** argv) {
  const auto settings = warden::ParseJson(argc > 1 ? argv[1] : "");
  if (!settings.ok()) return 2;
  warden::etcd::Claimer claimer(*settings);
  std::string command;
  std::string work;
  while (std::cin >> command >> work) {
    std::cout << warden::DumpJson(claimer.Obey(command, work)) << std::endl;
  }
  return 0;
}
