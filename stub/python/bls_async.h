// Requests to other models that are awaited (`InferenceRequest.async_exec`).
#ifndef STUB_PYTHON_BLS_ASYNC_H_
#define STUB_PYTHON_BLS_ASYNC_H_

#include <functional>
#include <memory>

#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// One request on its way.
class AsyncCall {
public:
  virtual ~AsyncCall() = default; // with the GIL
  /// Sends and waits. On a thread of the pool, without the GIL. Must not throw.
  virtual void Run() = 0;
  /// What the awaiting coroutine gets. On the loop's thread, with the GIL.
  virtual py::object Result() = 0;
};

/// Runs `call` on a thread that never holds the GIL while it waits, and returns a future of the running asyncio loop.
/// Answers that arrive together wake the loop once. Needs the GIL and a running loop (else RuntimeError).
py::object RunAsync(std::unique_ptr<AsyncCall> call);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_BLS_ASYNC_H_
