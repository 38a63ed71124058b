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

// Every name is given without the prefix "etcdwarden_". A family given twice is merged; its help
// and type are those of the first time. Of two samples with the same labels the first stands.
class Page {
 public:
  void Gauge(std::string_view name, std::string_view help, double value,
             std::initializer_list<Label> labels);
  void Counter(std::string_view name, std::string_view help, double value,
               std::initializer_list<Label> labels);
  // Counters, gauges and histograms with their full names, as a prometheus-cpp registry collects
  // them.
  void Add(std::vector<prometheus::MetricFamily> families);

  // The page in Prometheus' text format 0.0.4, families sorted by name and samples by labels.
  // Invalid UTF-8 is replaced, since one bad byte would cost the whole scrape.
  std::string Text() const;

 private:
  void Sample(prometheus::MetricType type, std::string_view name, std::string_view help,
              double value, std::initializer_list<Label> labels);
  std::map<std::string, prometheus::MetricFamily> families_;
};

// The Content-Type of Text().
inline constexpr std::string_view kTextFormat = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace warden::metrics
