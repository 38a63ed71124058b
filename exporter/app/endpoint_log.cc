#include "exporter/app/endpoint_log.h"

#include <set>
#include <vector>

namespace warden::app {

void EndpointLog::Note(const etcd::ClusterView& view, const Env& env) {
  std::vector<const etcd::EndpointView*> news;
  {
    const SteadyTime now = env.clock.Steady();
    std::set<std::string> urls;
    MutexLock lock(mutex_);
    for (const etcd::EndpointView& endpoint : view.endpoints) {
      const std::string& url = endpoint.endpoint.url;
      urls.insert(url);
      const auto& error = endpoint.status.error;
      // What we cancelled ourselves says nothing about the endpoint.
      if (error && error->reason == etcd::Reason::kCanceled) continue;
      if (IsNews(url, error.has_value(), now)) news.push_back(&endpoint);
    }
    std::erase_if(said_, [&](const auto& entry) { return !urls.contains(entry.first); });
  }
  for (const etcd::EndpointView* endpoint : news) {
    const std::string& url = endpoint->endpoint.url;
    if (const auto& error = endpoint->status.error) {
      env.log.Log(LogLevel::kWarn, "an endpoint does not answer",
                  {{"etcd_cluster", cluster_},
                   {"etcd_endpoint", url},
                   {"reason", etcd::ReasonName(error->reason)},
                   {"error", error->message}});
    } else {
      env.log.Log(LogLevel::kInfo, "an endpoint answers again",
                  {{"etcd_cluster", cluster_}, {"etcd_endpoint", url}});
    }
  }
}

bool EndpointLog::IsNews(const std::string& url, bool failing, SteadyTime now) {
  Said& said = said_[url];
  if (said.failing == failing || now < said.next) return false;
  said = {.failing = failing, .next = now + kPause};
  return true;
}

}  // namespace warden::app
