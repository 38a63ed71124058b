#include "exporter/metrics/page.h"

#include <array>
#include <charconv>
#include <cmath>

#include "exporter/base/text.h"

namespace warden::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kPrefix = "etcdwarden_";

std::string_view TypeName(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
    case MetricType::Summary:
    case MetricType::Untyped:
      break;
  }
  return "untyped";
}

// The format's escapes: HELP texts know the backslash and the newline, label values the quote as
// well.
std::string Escape(std::string_view text, bool quoted) {
  std::string escaped;
  for (const char c : ToValidUtf8(text)) {
    if (c == '\n') {
      escaped += "\\n";
    } else if (c == '\\' || (quoted && c == '"')) {
      escaped += {'\\', c};
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// The shortest text that reads back as the same number; whole numbers without an exponent.
std::string FormatValue(double value) {
  constexpr double kWholeMax = 1e15;
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  if (std::abs(value) < kWholeMax && std::trunc(value) == value) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

// `a="1",b="2"`, without the braces.
std::string FormatLabels(const std::vector<ClientMetric::Label>& labels) {
  std::string text;
  for (const ClientMetric::Label& label : labels) {
    if (!text.empty()) text += ',';
    text += label.name + "=\"" + Escape(label.value, true) + '"';
  }
  return text;
}

void AppendLine(std::string& text, const std::string& name, const std::string& labels,
                const std::string& value) {
  text += name;
  if (!labels.empty()) text += '{' + labels + '}';
  text += ' ' + value + '\n';
}

void AppendHistogram(std::string& text, const std::string& name, const std::string& labels,
                     const ClientMetric::Histogram& histogram) {
  const std::string front = labels.empty() ? "" : labels + ',';
  for (const ClientMetric::Bucket& bucket : histogram.bucket) {
    AppendLine(text, name + "_bucket", front + "le=\"" + FormatValue(bucket.upper_bound) + '"',
               std::to_string(bucket.cumulative_count));
  }
  AppendLine(text, name + "_sum", labels, FormatValue(histogram.sample_sum));
  AppendLine(text, name + "_count", labels, std::to_string(histogram.sample_count));
}

void AppendFamily(std::string& text, const MetricFamily& family) {
  std::map<std::string, const ClientMetric*> series;
  for (const ClientMetric& metric : family.metric) {
    series.try_emplace(FormatLabels(metric.label), &metric);
  }
  text += "# HELP " + family.name + ' ' + Escape(family.help, false) + '\n';
  text += "# TYPE " + family.name + ' ' + std::string(TypeName(family.type)) + '\n';
  for (const auto& [labels, metric] : series) {
    switch (family.type) {
      case MetricType::Histogram:
        AppendHistogram(text, family.name, labels, metric->histogram);
        break;
      case MetricType::Counter:
        AppendLine(text, family.name, labels, FormatValue(metric->counter.value));
        break;
      default:
        AppendLine(text, family.name, labels, FormatValue(metric->gauge.value));
    }
  }
}

}  // namespace

void Page::Gauge(std::string_view name, std::string_view help, double value,
                 std::initializer_list<Label> labels) {
  Sample(MetricType::Gauge, name, help, value, labels);
}

void Page::Counter(std::string_view name, std::string_view help, double value,
                   std::initializer_list<Label> labels) {
  Sample(MetricType::Counter, name, help, value, labels);
}

void Page::Add(std::vector<MetricFamily> families) {
  for (MetricFamily& family : families) {
    MetricFamily& target = families_[family.name];
    if (target.name.empty()) {
      target = std::move(family);
    } else {
      target.metric.insert(target.metric.end(), family.metric.begin(), family.metric.end());
    }
  }
}

void Page::Sample(MetricType type, std::string_view name, std::string_view help, double value,
                  std::initializer_list<Label> labels) {
  ClientMetric metric;
  for (const auto& [label, text] : labels) metric.label.push_back({std::string(label), text});
  // The family's type, that of its first sample, says which of the two is printed.
  metric.gauge.value = value;
  metric.counter.value = value;
  MetricFamily& family = families_[std::string(kPrefix) + std::string(name)];
  if (family.name.empty()) {
    family = {std::string(kPrefix) + std::string(name), std::string(help), type, {}};
  }
  family.metric.push_back(std::move(metric));
}

std::string Page::Text() const {
  std::string text;
  for (const auto& [name, family] : families_) {
    if (!family.metric.empty()) AppendFamily(text, family);
  }
  return text;
}

}  // namespace warden::metrics
