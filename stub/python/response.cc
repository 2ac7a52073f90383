#include "stub/python/response.h"

#include "stub/error.h"
#include "stub/ipc/context.h"
#include "stub/python/parameters.h"

namespace mlflow_triton::stub {
namespace {

std::shared_ptr<InferenceResponse> MakeResponse(const py::list &tensors, std::shared_ptr<TritonError> error,
                                                const py::object &parameters) {
  auto response = std::make_shared<InferenceResponse>();
  response->outputs.reserve(tensors.size());
  for (const py::handle tensor : tensors) {
    if (tensor.is_none()) {
      throw StubError("Output tensor for inference response should not be empty.");
    }
    if (!py::isinstance<Tensor>(tensor)) {
      throw py::type_error("Output tensors of an inference response must be pb_utils.Tensor objects, found type '" +
                           TypeText(tensor) + "'.");
    }
    response->outputs.push_back(tensor.cast<std::shared_ptr<Tensor>>());
  }
  response->error = std::move(error);
  const Protocol &protocol = CurrentContext().link.protocol();
  if (!parameters.is_none() && protocol.response.parameters == kAbsent) {
    throw StubError("Parameters of a response need Triton 25.02 or newer; this server is Triton " +
                    ReleasesOf(protocol.revision) + ".");
  }
  response->parameters = ParametersToJson(parameters);
  return response;
}

} // namespace

void DefineResponse(py::module_ &module) {
  py::class_<InferenceResponse, std::shared_ptr<InferenceResponse>>(module, "InferenceResponse")
      // By itself, since pybind11 looks long at the `None` of a missing error.
      .def(py::init([](const py::object &tensors) { return MakeResponse(py::list(tensors), nullptr, py::none()); }),
           py::arg("output_tensors") = py::list())
      .def(py::init([](const py::object &tensors, std::shared_ptr<TritonError> error, const py::object &parameters) {
             return MakeResponse(py::list(tensors), std::move(error), parameters);
           }),
           py::arg("output_tensors") = py::list(), py::arg("error") = std::shared_ptr<TritonError>(),
           py::arg("parameters") = py::none())
      .def("output_tensors",
           [](const InferenceResponse &self) {
             py::list tensors;
             for (const auto &tensor : self.outputs) {
               tensors.append(tensor);
             }
             return tensors;
           })
      .def("has_error", [](const InferenceResponse &self) { return self.error != nullptr; })
      .def("error", [](const InferenceResponse &self) { return self.error; })
      .def("parameters", [](const InferenceResponse &self) { return self.parameters; });
}

} // namespace mlflow_triton::stub
