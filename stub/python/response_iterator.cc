#include "stub/python/response_iterator.h"

namespace mlflow_triton::stub {

std::shared_ptr<InferenceResponse> ResponseIterator::Next() {
  std::shared_ptr<InferenceResponse> response;
  {
    py::gil_scoped_release without_gil;
    response = stream_->At(position_);
  }
  position_ += response ? 1 : 0;
  return response;
}

void ResponseIterator::Cancel() {
  py::gil_scoped_release without_gil;
  stream_->Cancel();
}

void DefineResponseIterator(py::module_ &module) {
  py::class_<ResponseIterator, std::shared_ptr<ResponseIterator>>(module, "ResponseIterator")
      .def(py::init([](const std::shared_ptr<InferenceResponse> &response) {
        ReceivedResponse only;
        only.response = response;
        return std::make_shared<ResponseIterator>(StreamTable::Get().Open(std::move(only)));
      }))
      .def("__iter__",
           [](const std::shared_ptr<ResponseIterator> &self) {
             self->Restart();
             return self;
           })
      .def("cancel", &ResponseIterator::Cancel)
      .def("__next__", [](ResponseIterator &self) {
        auto response = self.Next();
        if (!response) {
          throw py::stop_iteration();
        }
        return response;
      });
}

} // namespace mlflow_triton::stub
