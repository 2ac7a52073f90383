#include "stub/python/exception_text.h"

#include <vector>

namespace mlflow_triton::stub {
namespace {

std::string ValueText(py::handle value) {
  if (!value || value.is_none()) {
    return {};
  }
  const py::object text = py::reinterpret_steal<py::object>(PyObject_Str(value.ptr()));
  if (!text) {
    PyErr_Clear();
    return "<MESSAGE UNAVAILABLE: str() of the exception failed>";
  }
  const std::string utf8 = Utf8Text(text);
  return utf8.empty() ? "<EMPTY MESSAGE>" : utf8; // as the reference stub says it
}

std::string FrameLine(const PyTracebackObject *entry) {
  const py::object code =
      py::reinterpret_steal<py::object>(reinterpret_cast<PyObject *>(PyFrame_GetCode(entry->tb_frame)));
  // tb_lineno of the structure may be computed lazily (3.11+ keeps -1 there): ask the object.
  const py::handle traceback(reinterpret_cast<PyObject *>(const_cast<PyTracebackObject *>(entry)));
  return "  " + Utf8Text(code.attr("co_filename")) + "(" + Utf8Text(py::str(traceback.attr("tb_lineno"))) +
         "): " + Utf8Text(code.attr("co_name")) + "\n";
}

} // namespace

std::string Utf8Text(py::handle text) {
  Py_ssize_t size = 0;
  if (const char *bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size)) {
    return std::string(bytes, static_cast<std::size_t>(size));
  }
  PyErr_Clear();
  const py::object encoded =
      py::reinterpret_steal<py::object>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "backslashreplace"));
  if (!encoded) {
    PyErr_Clear();
    return "<text that is not valid Unicode>";
  }
  return encoded.cast<std::string>();
}

std::string ExceptionText(const py::error_already_set &error) {
  std::string name = reinterpret_cast<PyTypeObject *>(error.type().ptr())->tp_name;
  name = name.substr(name.rfind('.') + 1); // types of C modules carry a prefix
  std::string text = name + ": " + ValueText(error.value());
  std::vector<const PyTracebackObject *> entries;
  for (auto *entry = reinterpret_cast<const PyTracebackObject *>(error.trace().ptr()); entry != nullptr;
       entry = entry->tb_next) {
    entries.push_back(entry);
  }
  if (entries.empty()) {
    return text;
  }
  text += "\n\nAt:\n";
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    text += FrameLine(*entry);
  }
  return text;
}

} // namespace mlflow_triton::stub
