#include "stub/python/metrics.h"

#include <algorithm>
#include <utility>

#include "stub/error.h"
#include "stub/ipc/helper_reply.h"
#include "stub/python/exception_text.h"

namespace mlflow_triton::stub {
namespace {

constexpr char kFamilyDeleted[] = "Invalid metric operation as the corresponding 'MetricFamily' has been deleted. The "
                                  "'MetricFamily' object should be "
                                  "deleted AFTER its corresponding 'Metric' objects have been deleted.";

Link &CurrentLink() { return CurrentContext().link; }

/// MetricFamilyShm; `address` is 0 for a new family.
AllocateObject FamilyObject(const std::string &name, const std::string &description, MetricKind kind,
                            std::uint64_t address) {
  return [=](ChunkSet &chunks, Region::Lock &lock) {
    MetricFamilyShm fields{};
    fields.name = chunks.AllocateText(lock, name);
    fields.description = chunks.AllocateText(lock, description);
    fields.kind = static_cast<std::int32_t>(kind);
    fields.metric_family_address = address;
    const Handle handle = chunks.Allocate(lock, sizeof(fields));
    *chunks.region().As<MetricFamilyShm>(handle) = fields;
    return handle;
  };
}

/// A memory chunk with the bucket bounds of a histogram (spec section 3.17), none when there are none.
Handle AllocateBuckets(ChunkSet &chunks, Region::Lock &lock, const std::vector<double> &buckets) {
  if (buckets.empty()) {
    return kNoHandle;
  }
  const MemoryLayout &layout = CurrentLink().protocol().memory;
  const auto head = static_cast<std::size_t>(layout.size);
  const std::size_t bytes = buckets.size() * sizeof(double);
  const Handle handle = chunks.Allocate(lock, head + bytes);
  char *at = chunks.region().Payload(handle, head + bytes);
  std::memset(at, 0, head);
  StoreAt<std::uint64_t>(at + layout.byte_size, bytes);
  std::memcpy(at + head, buckets.data(), bytes);
  return handle;
}

AllocateObject MetricObject(const std::string &labels, const std::vector<double> &buckets, double value,
                            std::uint64_t address, std::uint64_t family) {
  return [=](ChunkSet &chunks, Region::Lock &lock) {
    const MetricLayout &layout = CurrentLink().protocol().metric;
    const auto size = static_cast<std::size_t>(layout.size);
    const Handle text = chunks.AllocateText(lock, labels);
    const Handle bounds = layout.buckets == kAbsent ? kNoHandle : AllocateBuckets(chunks, lock, buckets);
    const Handle handle = chunks.Allocate(lock, size);
    char *at = chunks.region().Payload(handle, size);
    StoreAt(at + layout.labels, text);
    if (layout.buckets != kAbsent) {
      StoreAt(at + layout.buckets, bounds);
    }
    StoreAt(at + layout.operation_value, value);
    StoreAt(at + layout.metric_address, address);
    StoreAt(at + layout.metric_family_address, family);
    return handle;
  };
}

/// Destructors must not throw; there is nobody to tell but the log.
template <typename Action> void LogFailure(const Action &action) {
  try {
    if (CurrentLink().helpers_allowed()) {
      action();
    }
  } catch (const std::exception &error) {
    CurrentContext().outbox.Log({LogLevel::kError, __FILE__, __LINE__, error.what()});
  }
}

/// The groups that exist, for the end of the process.
struct Registry {
  static Registry &Get() {
    static auto *const registry = new Registry(); // used until the process ends
    return *registry;
  }
  static void Add(const std::shared_ptr<MetricGroup> &group) {
    std::lock_guard<std::mutex> guard(Get().mutex);
    auto &groups = Get().groups;
    groups.erase(std::remove_if(groups.begin(), groups.end(), [](const auto &known) { return known.expired(); }),
                 groups.end());
    groups.push_back(group);
  }

  std::mutex mutex;
  std::vector<std::weak_ptr<MetricGroup>> groups;
};

/// Labels as JSON text; the server wants an object with texts, or null.
std::string LabelsToJson(const py::object &labels) {
  if (labels.is_none()) {
    return "null";
  }
  if (!py::isinstance<py::dict>(labels)) {
    throw StubError("Failed to create metric. Labels must be a dictionary.");
  }
  return Utf8Text(py::module_::import("json").attr("dumps")(labels));
}

std::vector<double> BucketsOf(const py::object &buckets, MetricKind kind) {
  const bool given = !buckets.is_none();
  if (given && !py::isinstance<py::list>(buckets)) {
    throw StubError("Failed to create metric. Buckets must be a list.");
  }
  std::vector<double> bounds;
  for (const py::handle bound : given ? py::list(buckets) : py::list()) {
    bounds.push_back(bound.cast<double>());
  }
  if (kind != MetricKind::kHistogram && !bounds.empty()) {
    throw StubError("Failed to create metric. Unexpected buckets found.");
  }
  if (kind == MetricKind::kHistogram && bounds.empty()) {
    throw StubError("Failed to create metric. Missing required buckets.");
  }
  return bounds;
}

} // namespace

MetricGroup::MetricGroup(const std::string &name, const std::string &description, MetricKind kind) : kind_(kind) {
  constexpr char kPrefix[] = "Error when creating MetricFamily: ";
  if (kind == MetricKind::kHistogram && CurrentLink().protocol().revision < Revision::kR7) {
    throw StubError(std::string(kPrefix) + "histograms need Triton 24.08 or newer.");
  }
  address_ =
      CallMetrics(CurrentContext(), Command::kMetricFamilyRequestNew, kPrefix, FamilyObject(name, description, kind, 0))
          .address;
}

void MetricGroup::Add(Metric *metric) {
  std::lock_guard<std::mutex> guard(mutex_);
  metrics_.insert(metric);
}

void MetricGroup::Remove(Metric *metric) {
  std::lock_guard<std::mutex> guard(mutex_);
  metrics_.erase(metric);
  metric->Delete();
}

void MetricGroup::Close() {
  std::lock_guard<std::mutex> guard(mutex_);
  if (!std::exchange(open_, false)) {
    return;
  }
  for (Metric *metric : metrics_) {
    metric->Delete();
  }
  LogFailure([this] {
    CallMetrics(CurrentContext(), Command::kMetricFamilyRequestDelete, "", FamilyObject("", "", kind_, address_));
  });
}

MetricFamily::MetricFamily(const std::string &name, const std::string &description, MetricKind kind) {
  py::gil_scoped_release without_gil;
  group_ = std::make_shared<MetricGroup>(name, description, kind);
  Registry::Add(group_);
}

MetricFamily::~MetricFamily() {
  // Runs with the GIL, when Python drops the object; waiting for the server must not keep it.
  py::gil_scoped_release without_gil;
  group_->Close();
}

std::shared_ptr<Metric> MetricFamily::NewMetric(const py::object &labels, const py::object &buckets) {
  const std::string json = LabelsToJson(labels);
  const std::vector<double> bounds = BucketsOf(buckets, group_->kind());
  py::gil_scoped_release without_gil;
  return std::make_shared<Metric>(group_, json, bounds);
}

Metric::Metric(std::shared_ptr<MetricGroup> group, const std::string &labels, const std::vector<double> &buckets)
    : group_(std::move(group)) {
  address_ = CallMetrics(CurrentContext(), Command::kMetricRequestNew,
                         "Error when creating Metric: ", MetricObject(labels, buckets, 0, 0, group_->address()))
                 .address;
  group_->Add(this);
}

Metric::~Metric() {
  py::gil_scoped_release without_gil;
  group_->Remove(this);
}

void Metric::Delete() {
  std::lock_guard<std::mutex> guard(mutex_);
  if (address_ == 0) {
    return;
  }
  LogFailure([this] {
    CallMetrics(CurrentContext(), Command::kMetricRequestDelete, "",
                MetricObject("", {}, 0, address_, group_->address()));
  });
  address_ = 0;
}

void Metric::Send(Command command, const char *action, double value) {
  py::gil_scoped_release without_gil;
  const std::string prefix = std::string("Failed to ") + action + " metric value: ";
  std::lock_guard<std::mutex> guard(mutex_);
  if (address_ == 0) {
    throw StubError(prefix + kFamilyDeleted);
  }
  CallMetrics(CurrentContext(), command, prefix, MetricObject("", {}, value, address_, group_->address()));
}

double Metric::Value() {
  py::gil_scoped_release without_gil;
  constexpr char kPrefix[] = "Failed to get metric value: ";
  std::lock_guard<std::mutex> guard(mutex_);
  if (address_ == 0) {
    throw StubError(std::string(kPrefix) + kFamilyDeleted);
  }
  return CallMetrics(CurrentContext(), Command::kMetricRequestValue, kPrefix,
                     MetricObject("", {}, 0, address_, group_->address()))
      .value;
}

void CloseAllMetrics() {
  std::vector<std::weak_ptr<MetricGroup>> groups;
  {
    std::lock_guard<std::mutex> guard(Registry::Get().mutex);
    groups.swap(Registry::Get().groups);
  }
  for (const auto &known : groups) {
    if (const auto group = known.lock()) {
      group->Close();
    }
  }
}

void DefineMetrics(py::module_ &module) {
  py::enum_<MetricKind>(module, "MetricKind")
      .value("COUNTER", MetricKind::kCounter)
      .value("GAUGE", MetricKind::kGauge)
      .value("HISTOGRAM", MetricKind::kHistogram)
      .export_values();
  py::class_<Metric, std::shared_ptr<Metric>>(module, "Metric")
      .def("increment",
           [](Metric &self, double value) { self.Send(Command::kMetricRequestIncrement, "increment", value); })
      .def("set", [](Metric &self, double value) { self.Send(Command::kMetricRequestSet, "set", value); })
      .def("observe", [](Metric &self, double value) { self.Send(Command::kMetricRequestObserve, "observe", value); })
      .def("value", &Metric::Value);
  py::class_<MetricFamily, std::shared_ptr<MetricFamily>> family(module, "MetricFamily");
  family
      .def(py::init<const std::string &, const std::string &, MetricKind>(), py::arg("name"), py::arg("description"),
           py::arg("kind"))
      .def("Metric", &MetricFamily::NewMetric, py::arg("labels") = py::none(), py::arg("buckets") = py::none());
  family.attr("COUNTER") = MetricKind::kCounter;
  family.attr("GAUGE") = MetricKind::kGauge;
  family.attr("HISTOGRAM") = MetricKind::kHistogram;
}

} // namespace mlflow_triton::stub
