#include "exporter/http/router.h"

namespace warden::http {
namespace {

bool Matches(const Route& route, std::string_view path) {
  const bool is_prefix = !route.exact && route.path.size() > 1 && route.path.back() == '/';
  return is_prefix ? path.starts_with(route.path) : path == route.path;
}

// The path of the routes that know the requested one best; empty if none does.
std::string_view BestPath(std::span<const Route> routes, std::string_view path) {
  std::string_view best;
  for (const Route& route : routes) {
    // A route that matches and is as long as the path is the path itself: it beats every prefix.
    if (Matches(route, path) && route.path.size() > best.size()) best = route.path;
  }
  return best;
}

void AddMethod(std::string& allow, std::string_view method) {
  if (!allow.empty()) allow += ", ";
  allow += method;
}

}  // namespace

Choice ChooseRoute(std::span<const Route> routes, std::string_view method, std::string_view path) {
  Choice choice;
  const std::string_view best = BestPath(routes, path);
  if (best.empty()) return choice;
  choice.label = best;
  for (const Route& route : routes) {
    if (route.path != best) continue;
    const bool answers_head = method == "HEAD" && route.method == "GET";
    if (choice.route == nullptr && (route.method == method || answers_head)) choice.route = &route;
    AddMethod(choice.allow, route.method);
    if (route.method == "GET") AddMethod(choice.allow, "HEAD");
  }
  return choice;
}

}  // namespace warden::http
