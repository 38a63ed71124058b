#include "exporter/metrics/page.h"

#include <algorithm>
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
void AppendEscaped(std::string& text, std::string_view raw, bool quoted) {
  const bool ascii = std::ranges::all_of(raw, [](char c) { return (c & 0x80) == 0; });
  for (const char c : ascii ? std::string(raw) : ToValidUtf8(raw)) {
    if (c == '\n') {
      text += "\\n";
    } else {
      if (c == '\\' || (quoted && c == '"')) text += '\\';
      text += c;
    }
  }
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

// Appends `a="1"`, after a comma if something precedes it.
void AppendLabel(std::string& labels, std::string_view name, std::string_view value) {
  if (!labels.empty()) labels += ',';
  labels.append(name).append("=\"");
  AppendEscaped(labels, value, true);
  labels += '"';
}

void AppendLine(std::string& text, std::string_view name, std::string_view suffix,
                std::string_view labels, std::string_view value) {
  text.append(name).append(suffix);
  if (!labels.empty()) text.append("{").append(labels).append("}");
  text.append(" ").append(value).append("\n");
}

void AppendHistogram(std::string& text, std::string_view name, const std::string& labels,
                     const ClientMetric::Histogram& histogram) {
  for (const ClientMetric::Bucket& bucket : histogram.bucket) {
    std::string with_bound = labels;
    AppendLabel(with_bound, "le", FormatValue(bucket.upper_bound));
    AppendLine(text, name, "_bucket", with_bound, std::to_string(bucket.cumulative_count));
  }
  AppendLine(text, name, "_sum", labels, FormatValue(histogram.sample_sum));
  AppendLine(text, name, "_count", labels, std::to_string(histogram.sample_count));
}

// Calls `append` for each series by its labels; of two with the same ones for the first.
template <typename Series, typename Append>
void InOrder(const std::vector<Series>& series, Append append) {
  std::vector<const Series*> sorted;
  sorted.reserve(series.size());
  for (const Series& each : series) sorted.push_back(&each);
  std::ranges::stable_sort(sorted, {}, &Series::labels);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || sorted[i]->labels != sorted[i - 1]->labels) append(*sorted[i]);
  }
}

}  // namespace

void Page::Gauge(std::string_view name, std::string_view help, double value,
                 std::initializer_list<Label> labels) {
  std::string text;
  for (const auto& [label, content] : labels) AppendLabel(text, label, content);
  FamilyOf(std::string(kPrefix).append(name), help, MetricType::Gauge)
      .values.push_back({std::move(text), value});
}

void Page::Add(const std::vector<MetricFamily>& families) {
  for (const MetricFamily& added : families) {
    Family& family = FamilyOf(added.name, added.help, added.type);
    for (const ClientMetric& metric : added.metric) {
      std::string labels;
      for (const ClientMetric::Label& label : metric.label) {
        AppendLabel(labels, label.name, label.value);
      }
      if (added.type == MetricType::Histogram) {
        family.histograms.push_back({std::move(labels), metric.histogram});
      } else {
        const bool counts = added.type == MetricType::Counter;
        family.values.push_back(
            {std::move(labels), counts ? metric.counter.value : metric.gauge.value});
      }
    }
  }
}

Page::Family& Page::FamilyOf(std::string name, std::string_view help, MetricType type) {
  const auto [found, added] = families_.try_emplace(std::move(name));
  if (added) {
    found->second.help = help;
    found->second.type = type;
  }
  return found->second;
}

std::string Page::Text() const {
  std::string text;
  for (const auto& entry : families_) {
    // No structured binding: clang 14 captures none in a lambda.
    const std::string& name = entry.first;
    const Family& family = entry.second;
    if (family.values.empty() && family.histograms.empty()) continue;
    text.append("# HELP ").append(name).append(" ");
    AppendEscaped(text, family.help, false);
    text.append("\n# TYPE ").append(name).append(" ").append(TypeName(family.type)).append("\n");
    InOrder(family.values, [&](const Value& each) {
      AppendLine(text, name, "", each.labels, FormatValue(each.value));
    });
    InOrder(family.histograms,
            [&](const Histogram& each) { AppendHistogram(text, name, each.labels, each.value); });
  }
  return text;
}

}  // namespace warden::metrics
