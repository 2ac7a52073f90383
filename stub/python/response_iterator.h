// `c_python_backend_utils.ResponseIterator` (spec section 6.7).
#ifndef STUB_PYTHON_RESPONSE_ITERATOR_H_
#define STUB_PYTHON_RESPONSE_ITERATOR_H_

#include <memory>

#include "stub/python/stream.h"

namespace mlflow_triton::stub {

/// Responses of a request that the model made, in order. Iterating again starts from the first.
class ResponseIterator {
public:
  explicit ResponseIterator(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  ~ResponseIterator() { stream_->Abandon(); }

  /// Next response, waiting for it without the GIL, or null at the end.
  std::shared_ptr<InferenceResponse> Next();
  void Restart() { position_ = 0; }
  /// Cancels what has not arrived yet.
  void Cancel();

private:
  std::shared_ptr<Stream> stream_;
  std::size_t position_ = 0;
};

/// Defines the Python class.
void DefineResponseIterator(py::module_ &module);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_RESPONSE_ITERATOR_H_
