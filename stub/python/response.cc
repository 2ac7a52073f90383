#include "stub/python/response.h"

#include "stub/error.h"

namespace mlflow_triton::stub {
namespace {

std::shared_ptr<InferenceResponse> MakeResponse(const py::list &tensors, std::shared_ptr<TritonError> error) {
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
  return response;
}

} // namespace

void DefineResponse(py::module_ &module) {
  py::class_<InferenceResponse, std::shared_ptr<InferenceResponse>>(module, "InferenceResponse")
      .def(py::init([](const py::object &tensors, std::shared_ptr<TritonError> error) {
             return MakeResponse(py::list(tensors), std::move(error));
           }),
           py::arg("output_tensors") = py::list(), py::arg("error") = std::shared_ptr<TritonError>())
      .def("output_tensors",
           [](const InferenceResponse &self) {
             py::list tensors;
             for (const auto &tensor : self.outputs) {
               tensors.append(tensor);
             }
             return tensors;
           })
      .def("has_error", [](const InferenceResponse &self) { return self.error != nullptr; })
      .def("error", [](const InferenceResponse &self) { return self.error; });
}

} // namespace mlflow_triton::stub
