// One exposition page in the making: families by name, then text. A value; not thread-safe.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

namespace warden::metrics {

// A label name and its value; names are constants of the code, values may hold any bytes.
using Label = std::pair<std::string_view, std::string>;

// A family given twice is merged; its help and type are those of the first time. Of two samples
// with the same labels the first stands.
class Page {
 public:
  // One sample of the family "etcdwarden_<name>".
  void Gauge(std::string_view name, std::string_view help, double value,
             std::initializer_list<Label> labels);
  // Counters, gauges and histograms with their full names, as a prometheus-cpp registry collects
  // them.
  void Add(const std::vector<prometheus::MetricFamily>& families);

  // The page in Prometheus' text format 0.0.4, families sorted by name and samples by labels.
  // Invalid UTF-8 is replaced, since one bad byte would cost the whole scrape.
  std::string Text() const;

 private:
  // Of a thousand members a page has tens of thousands of samples, so a sample is only its labels,
  // as they are printed, and its number.
  template <typename T>
  struct Series {
    std::string labels;
    T value;
  };
  using Value = Series<double>;
  using Histogram = Series<prometheus::ClientMetric::Histogram>;
  struct Family {
    std::string help;
    prometheus::MetricType type = prometheus::MetricType::Untyped;
    std::vector<Value> values;
    std::vector<Histogram> histograms;
  };

  Family& FamilyOf(std::string name, std::string_view help, prometheus::MetricType type);

  std::map<std::string, Family> families_;  // by full name
};

// The Content-Type of Text().
inline constexpr std::string_view kTextFormat = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace warden::metrics
