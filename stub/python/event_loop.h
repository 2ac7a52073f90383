// The background event loop for `async def execute` (spec section 6.8).
#ifndef STUB_PYTHON_EVENT_LOOP_H_
#define STUB_PYTHON_EVENT_LOOP_H_

#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// An asyncio loop on a daemon thread of its own, created at first use. All members need the GIL.
class EventLoop {
public:
  /// Runs a coroutine to completion and returns its result; raises its exception. The GIL is released while waiting.
  py::object RunToEnd(const py::object &coroutine);

  /// Schedules a coroutine and returns; its exception is only logged.
  void Start(const py::object &coroutine);

  /// Stops the loop, if there is one.
  void Stop();

private:
  py::object Submit(const py::object &coroutine);
  void Create();

  py::object loop_;
  py::object thread_;
  py::object submit_; // asyncio.run_coroutine_threadsafe
};

/// Logs the exception of a background coroutine; `c_python_backend_utils.async_event_future_done_callback`.
void LogFutureException(const py::object &future);

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_EVENT_LOOP_H_
