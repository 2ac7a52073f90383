// `pb_utils.MetricFamily` and its metrics (spec sections 5.14 and 6.10).
#ifndef STUB_PYTHON_METRICS_H_
#define STUB_PYTHON_METRICS_H_

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "stub/protocol/commands.h"
#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// Kinds as they go over the wire (spec section 3.17).
enum class MetricKind : int { kCounter = 0, kGauge = 1, kHistogram = 2 };

class Metric;

/// What a family and its metrics share: the family in the server and the list of what hangs on it. Thread-safe.
class MetricGroup {
public:
  MetricGroup(const std::string &name, const std::string &description, MetricKind kind);

  MetricKind kind() const { return kind_; }
  std::uint64_t address() const { return address_; }
  void Add(Metric *metric);
  /// Deletes the metric in the server and forgets it.
  void Remove(Metric *metric);
  /// Deletes all metrics, then the family; afterwards they cannot be used. Idempotent.
  void Close();

private:
  MetricKind kind_;
  std::uint64_t address_ = 0;
  std::mutex mutex_;
  bool open_ = true;
  std::set<Metric *> metrics_;
};

/// `MetricFamily`: deleting it invalidates its metrics.
class MetricFamily {
public:
  MetricFamily(const std::string &name, const std::string &description, MetricKind kind);
  ~MetricFamily();

  /// `family.Metric(labels=None, buckets=None)`.
  std::shared_ptr<Metric> NewMetric(const py::object &labels, const py::object &buckets);

private:
  std::shared_ptr<MetricGroup> group_;
};

/// One metric; thread-safe. Every call waits for the server without the GIL.
class Metric {
public:
  Metric(std::shared_ptr<MetricGroup> group, const std::string &labels, const std::vector<double> &buckets);
  ~Metric();

  /// Increment, set or observe. `action` completes "Failed to … metric value: ".
  void Send(Command command, const char *action, double value);
  double Value();

private:
  friend class MetricGroup;
  void Delete(); // idempotent; without the GIL

  std::shared_ptr<MetricGroup> group_;
  std::uint64_t address_ = 0;
  std::mutex mutex_;
};

/// Deletes what the model left behind, so that a reloaded model starts afresh. Without the GIL.
void CloseAllMetrics();

/// Defines the Python classes.
void DefineMetrics(py::module_ &module);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_METRICS_H_
