#include "stub/python/event_loop.h"

#include "stub/ipc/context.h"
#include "stub/python/exception_text.h"

namespace mlflow_triton::stub {

void EventLoop::Create() {
  const py::module_ asyncio = py::module_::import("asyncio");
  loop_ = asyncio.attr("new_event_loop")();
  submit_ = asyncio.attr("run_coroutine_threadsafe");
  thread_ = py::module_::import("threading")
                .attr("Thread")(py::arg("target") = loop_.attr("run_forever"), py::arg("daemon") = true,
                                py::arg("name") = "triton-event-loop");
  thread_.attr("start")();
}

py::object EventLoop::Submit(const py::object &coroutine) {
  if (!loop_) {
    Create();
  }
  return submit_(coroutine, loop_);
}

py::object EventLoop::RunToEnd(const py::object &coroutine) {
  const py::object future = Submit(coroutine);
  const py::object exception = future.attr("exception")(); // waits
  if (!exception.is_none()) {
    // Raised from here, so that the traceback shows the coroutine and not the machinery of futures.
    PyErr_SetObject(reinterpret_cast<PyObject *>(Py_TYPE(exception.ptr())), exception.ptr());
    throw py::error_already_set();
  }
  return future.attr("result")();
}

void EventLoop::Start(const py::object &coroutine) {
  // The loop keeps the task alive until it is done, the callback keeps the future.
  Submit(coroutine).attr("add_done_callback")(py::cpp_function(&LogFutureException));
}

void EventLoop::Stop() {
  if (!loop_) {
    return;
  }
  loop_.attr("call_soon_threadsafe")(loop_.attr("stop"));
  // A callback that blocks must not keep the process from ending.
  thread_.attr("join")(py::arg("timeout") = 5);
  loop_ = py::object();
}

void LogFutureException(const py::object &future) {
  std::string text;
  try {
    if (future.attr("cancelled")().cast<bool>()) {
      return;
    }
    const py::object exception = future.attr("exception")();
    if (exception.is_none()) {
      return;
    }
    const py::object lines =
        py::module_::import("traceback")
            .attr("format_exception")(py::type::of(exception), exception, exception.attr("__traceback__"));
    text = Utf8Text(py::str("").attr("join")(lines));
  } catch (const py::error_already_set &error) {
    text = ExceptionText(error);
  }
  CurrentContext().outbox.Log({LogLevel::kError, __FILE__, __LINE__, text});
}

} // namespace mlflow_triton::stub
