#include "exporter/webhook/notification.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exporter/base/json.h"

namespace warden::webhook {
namespace {

Json GoodAlert() {
  return Json{{"status", "firing"},
              {"labels", {{"alertname", "EtcdDown"}, {"etcd_cluster", "prod"}}},
              {"annotations", {{"summary", "a member is down"}}},
              {"startsAt", "2026-11-23T10:14:00.123456789Z"},
              {"endsAt", "0001-01-01T00:00:00Z"},
              {"generatorURL", "http://prometheus/graph"},
              {"fingerprint", "c0ffee0123456789"}};
}

Json GoodBody() {
  return Json{{"version", "4"},
              {"groupKey", "{}:{alertname=\"EtcdDown\"}"},
              {"truncatedAlerts", 0},
              {"status", "firing"},
              {"receiver", "etcd-warden"},
              {"groupLabels", Json::object()},
              {"commonLabels", Json::object()},
              {"commonAnnotations", Json::object()},
              {"externalURL", "http://alertmanager"},
              {"alerts", Json::array({GoodAlert()})}};
}

TEST(ParseNotification, TakesWhatAlertmanagerPosts) {
  const auto notification = ParseNotification(DumpJson(GoodBody()));
  ASSERT_TRUE(notification.ok()) << notification.error().message();
  ASSERT_EQ(notification->alerts.size(), 1U);
  const Alert& alert = notification->alerts[0];
  EXPECT_TRUE(alert.firing);
  EXPECT_EQ(alert.Label("alertname"), "EtcdDown");
  EXPECT_EQ(alert.Label("etcd_cluster"), "prod");
  EXPECT_EQ(alert.Label("nothing"), "");
  EXPECT_EQ(alert.fingerprint, "c0ffee0123456789");
  EXPECT_EQ(alert.starts_at, "2026-11-23T10:14:00.123456789Z");
  EXPECT_EQ(notification->truncated_alerts, 0U);
}

struct Good {
  std::string pointer;
  Json value;
};

TEST(ParseNotification, TakesWhatIsUnusualButRight) {
  Json full = Json::array();
  for (std::size_t i = 0; i < kAlertsMax; ++i) full.push_back(GoodAlert());
  const std::vector<Good> cases = {{"/alerts", Json::array()},
                                   {"/alerts", full},
                                   {"/alerts/0/status", "resolved"},
                                   {"/alerts/0/labels", Json::object()},
                                   {"/alerts/0/endsAt", 17},
                                   {"/alerts/0/startsAt", "0001-01-01T00:00:00Z"},
                                   {"/alerts/0/startsAt", "2026-11-23T12:14:00.5+02:00"},
                                   {"/alerts/0/news", {{"deep", {1, 2, 3}}}},
                                   {"/news", {{"deep", {1, 2, 3}}}},
                                   {"/truncatedAlerts", "many"},
                                   {"/truncatedAlerts", -5},
                                   {"/truncatedAlerts", nullptr},
                                   {"/status", nullptr}};
  for (const Good& c : cases) {
    Json body = GoodBody();
    body[Json::json_pointer(c.pointer)] = c.value;
    const auto notification = ParseNotification(DumpJson(body));
    EXPECT_TRUE(notification.ok()) << c.pointer << ": " << notification.status().message();
    if (notification.ok()) {
      EXPECT_EQ(notification->truncated_alerts, 0U) << c.pointer;
    }
  }
}

TEST(ParseNotification, CountsTruncatedAlerts) {
  Json body = GoodBody();
  body["truncatedAlerts"] = 7;
  EXPECT_EQ(ParseNotification(DumpJson(body))->truncated_alerts, 7U);
}

struct Bad {
  std::string pointer;
  Json value;
  std::string complaint;
};

TEST(ParseNotification, SaysWhatIsNotOfVersion4) {
  const std::string version_missing = "version: is missing; is this Alertmanager's payload?";
  const std::vector<Bad> cases = {
      {"/version", nullptr, version_missing},
      {"/version", 4, version_missing},
      {"/version", "3", R"(version: is "3"; only "4" is understood)"},
      {"/version", "", R"(version: is ""; only "4" is understood)"},
      {"/version", "4\n" + std::string(100, 'x'),
       R"(version: is "4 xxxxxxxxxxxxxx..."; only "4" is understood)"},
      {"/alerts", nullptr, "alerts: is no array"},
      {"/alerts", Json::object(), "alerts: is no array"},
      {"/alerts", "x", "alerts: is no array"},
      {"/alerts/0", nullptr, R"(alerts[0].status: is neither "firing" nor "resolved")"},
      {"/alerts/0", "x", R"(alerts[0].status: is neither "firing" nor "resolved")"},
      {"/alerts/0/status", nullptr, R"(alerts[0].status: is neither "firing" nor "resolved")"},
      {"/alerts/0/status", "FIRING", R"(alerts[0].status: is neither "firing" nor "resolved")"},
      {"/alerts/0/labels", nullptr, "alerts[0].labels: is no object"},
      {"/alerts/0/labels", Json::array(), "alerts[0].labels: is no object"},
      {"/alerts/0/labels/a\nb", 1, "alerts[0].labels: \"a b\" is no string"},
      {"/alerts/0/labels/alertname", nullptr, R"(alerts[0].labels: "alertname" is no string)"},
      {"/alerts/0/fingerprint", nullptr, "alerts[0].fingerprint: is missing"},
      {"/alerts/0/fingerprint", 5, "alerts[0].fingerprint: is missing"},
      {"/alerts/0/fingerprint", "", "alerts[0].fingerprint: is missing"},
      {"/alerts/0/startsAt", nullptr, "alerts[0].startsAt: \"\" is not an RFC 3339 time"},
      {"/alerts/0/startsAt", 5, "alerts[0].startsAt: \"\" is not an RFC 3339 time"},
      {"/alerts/0/startsAt", "now", "alerts[0].startsAt: \"now\" is not an RFC 3339 time"},
      {"/alerts/0/startsAt", "2026-11-23T10:14:00." + std::string(70'000, '0') + "Z",
       "alerts[0].startsAt: is too long"}};
  for (const Bad& c : cases) {
    Json body = GoodBody();
    body[Json::json_pointer(c.pointer)] = c.value;
    const auto notification = ParseNotification(DumpJson(body));
    ASSERT_FALSE(notification.ok()) << c.pointer;
    EXPECT_EQ(notification.error().code(), Code::kInvalidArgument) << c.pointer;
    EXPECT_EQ(notification.error().message(), c.complaint);
  }
}

TEST(ParseNotification, NamesTheAlertAtFault) {
  Json body = GoodBody();
  body["alerts"].push_back(GoodAlert());
  body["alerts"].push_back(Json::object());
  EXPECT_TRUE(ParseNotification(DumpJson(body)).error().message().starts_with("alerts[2].status"));
}

TEST(ParseNotification, CountsWhatIsTooMuchAsTruncated) {
  Json body = GoodBody();
  for (std::size_t i = 0; i < kAlertsMax; ++i) body["alerts"].push_back(GoodAlert());
  body["truncatedAlerts"] = 3;
  const auto notification = ParseNotification(DumpJson(body));
  ASSERT_TRUE(notification.ok()) << notification.error().message();
  EXPECT_EQ(notification->alerts.size(), kAlertsMax);
  EXPECT_EQ(notification->truncated_alerts, 4U);
}

std::string Repeat(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(ParseNotification, RefusesWhatIsNoJsonObject) {
  constexpr std::size_t kMillion = 1'000'000;
  const std::string good = DumpJson(GoodBody());
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not valid JSON"},
      {"version=4", "not valid JSON"},
      {good + good, "not valid JSON"},
      {good.substr(0, good.size() - 1), "not valid JSON"},
      {"{\"version\":\"4\xff\"}", "not valid JSON"},
      {"{'version':'4'}", "not valid JSON"},
      {"{\"version\":\"4\",}", "not valid JSON"},
      {"{\"a\":1e999}", "not valid JSON"},
      {"[]", "the body is no JSON object"},
      {"null", "the body is no JSON object"},
      {"4", "the body is no JSON object"},
      {"\"4\"", "the body is no JSON object"},
      {Repeat("[", kMillion), "JSON nested more than 32 deep"},
      {Repeat("{\"a\":", kMillion), "JSON nested more than 32 deep"},
      {Repeat("[", kMillion) + Repeat("]", kMillion), "JSON nested more than 32 deep"},
      {"{\"x\":" + Repeat("[", 32) + Repeat("]", 32) + "}", "JSON nested more than 32 deep"}};
  for (const auto& [body, complaint] : cases) {
    const auto notification = ParseNotification(body);
    ASSERT_FALSE(notification.ok()) << body.substr(0, 80);
    EXPECT_EQ(notification.error().code(), Code::kInvalidArgument) << body.substr(0, 80);
    EXPECT_EQ(notification.error().message(), complaint) << body.substr(0, 80);
  }
}

}  // namespace
}  // namespace warden::webhook
