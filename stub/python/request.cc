#include "stub/python/request.h"

#include <pybind11/stl.h>

#include "stub/error.h"
#include "stub/ipc/context.h"
#include "stub/python/bls.h"
#include "stub/python/parameters.h"

namespace mlflow_triton::stub {
namespace {

std::shared_ptr<InferenceRequest> MakeRequest(const std::string &request_id, const py::object &correlation_id,
                                              const py::list &inputs, const py::list &requested_output_names,
                                              const std::string &model_name, std::int64_t model_version,
                                              std::uint32_t flags, std::uint64_t timeout,
                                              const PreferredMemory &preferred_memory, const InferenceTrace &trace,
                                              const py::object &parameters) {
  auto request = std::make_shared<InferenceRequest>();
  request->channel = std::make_shared<Channel>(0, 0);
  const std::string subject = " for request with id '" + request_id + "' and model name '" + model_name + "'";
  for (const py::handle input : inputs) {
    if (input.is_none()) {
      throw StubError("Input tensor" + subject + " should not be empty.");
    }
    request->inputs.push_back(input.cast<std::shared_ptr<Tensor>>());
  }
  for (const py::handle name : requested_output_names) {
    if (name.is_none()) {
      throw StubError("Requested output name" + subject + " should not be empty.");
    }
    request->channel->requested_outputs.insert(name.cast<std::string>());
  }
  if (py::isinstance<py::str>(correlation_id)) {
    request->correlation_id = correlation_id.cast<std::string>();
  } else if (py::isinstance<py::int_>(correlation_id)) {
    request->correlation_id = correlation_id.cast<std::uint64_t>();
  } else {
    throw StubError("Correlation ID must be integer or string");
  }
  request->request_id = request_id;
  request->model_name = model_name;
  request->model_version = model_version;
  request->flags = flags;
  request->timeout = timeout;
  request->preferred_memory = preferred_memory;
  request->trace = trace;
  request->parameters = ParametersToJson(parameters);
  return request;
}

std::shared_ptr<InferenceResponseSender> SenderOf(const InferenceRequest &request) {
  const Link &link = CurrentContext().link;
  if (!link.protocol().sender_for_all_models && !link.decoupled()) {
    throw StubError("'get_response_sender' function must be called only when the model is using the decoupled "
                    "transaction policy.");
  }
  if (request.channel->factory_address() == 0) {
    throw StubError("'get_response_sender' can only be called on a request that was given to 'execute'.");
  }
  return std::make_shared<InferenceResponseSender>(InferenceResponseSender{request.channel});
}

py::list InputsOf(const InferenceRequest &request) {
  py::list list(request.inputs.size());
  for (std::size_t index = 0; index < request.inputs.size(); ++index) {
    list[index] = request.inputs[index];
  }
  return list;
}

void DefineParts(py::module_ &module) {
  py::enum_<PreferredMemoryType>(module, "MemoryType")
      .value("TRITONSERVER_MEMORY_GPU", PreferredMemoryType::kGpu)
      .value("TRITONSERVER_MEMORY_CPU", PreferredMemoryType::kCpu)
      .export_values();
  py::class_<PreferredMemory>(module, "PreferredMemory")
      .def(py::init([](PreferredMemoryType type, std::int64_t device_id) {
             return PreferredMemory{static_cast<std::int32_t>(type), device_id};
           }),
           py::arg("preferred_memory_type"), py::arg("preferred_device_id") = 0);
  py::class_<InferenceTrace>(module, "InferenceTrace")
      .def(py::init<>())
      .def("get_context", [](const InferenceTrace &self) {
        return self.context.empty() ? py::object(py::none()) : py::object(py::str(self.context));
      });
  py::class_<InferenceResponseSender, std::shared_ptr<InferenceResponseSender>>(module, "InferenceResponseSender")
      .def(
          "send",
          [](const InferenceResponseSender &self, const std::shared_ptr<InferenceResponse> &response,
             std::uint32_t flags) { self.channel->Send(response, flags); },
          py::arg("response") = py::none(), py::arg("flags") = 0)
      .def("is_cancelled", [](const InferenceResponseSender &self) { return self.channel->IsCancelled(); });
}

} // namespace

void InferenceRequest::SetReleaseFlags(std::uint32_t value) {
  const std::int32_t offset = CurrentContext().link.protocol().request.release_flags;
  if (offset == kAbsent) {
    throw StubError("'set_release_flags' needs Triton 23.11 or newer.");
  }
  release_flags = value;
  if (chunk) {
    Region &region = CurrentContext().link.region();
    StoreAt(region.Payload(chunk->handle(), static_cast<std::size_t>(offset) + sizeof(value)) + offset, value);
  }
}

void DefineRequest(py::module_ &module) {
  DefineParts(module);
  py::class_<InferenceRequest, std::shared_ptr<InferenceRequest>>(module, "InferenceRequest")
      .def(py::init(&MakeRequest), py::arg("request_id") = "", py::arg("correlation_id") = 0,
           py::arg("inputs") = py::list(), py::arg("requested_output_names") = py::list(), py::arg("model_name") = "",
           py::arg("model_version") = -1, py::arg("flags") = 0, py::arg("timeout") = 0,
           py::arg("preferred_memory") = PreferredMemory{}, py::arg("trace") = InferenceTrace{},
           py::arg("parameters") = py::none())
      .def("inputs", &InputsOf)
      .def("request_id", [](const InferenceRequest &self) { return self.request_id; })
      .def("correlation_id", [](const InferenceRequest &self) { return self.correlation_id; })
      .def("flags", [](const InferenceRequest &self) { return self.flags; })
      .def("set_flags", [](InferenceRequest &self, std::uint32_t flags) { self.flags = flags; })
      .def("timeout", [](const InferenceRequest &self) { return self.timeout; })
      .def("parameters", [](const InferenceRequest &self) { return self.parameters; })
      .def("trace", [](const InferenceRequest &self) { return self.trace; })
      .def("requested_output_names", [](const InferenceRequest &self) { return self.channel->requested_outputs; })
      .def("is_cancelled", [](const InferenceRequest &self) { return self.channel->IsCancelled(); })
      .def("set_release_flags", &InferenceRequest::SetReleaseFlags)
      .def("get_response_sender", &SenderOf)
      .def("exec", &ExecuteBls, py::arg("decoupled") = false)
      .def("async_exec", &ExecuteBlsAsync, py::arg("decoupled") = false);
}

} // namespace mlflow_triton::stub
