#include "stub/python/parameters.h"

#include "stub/error.h"

namespace mlflow_triton::stub {
namespace {

void CheckValue(py::handle value) {
  if (PyBool_Check(value.ptr()) != 0 || PyUnicode_Check(value.ptr()) != 0) {
    return;
  }
  if (PyLong_Check(value.ptr()) == 0) {
    throw StubError("Expect parameters values to have type bool/int/str, found type " + TypeText(value));
  }
  int overflow = 0;
  PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
  if (overflow != 0) {
    // The server does not catch its own exception for such a value (spec section 6.5).
    throw StubError("Expect int values of parameters to fit in 64 bits, found " + std::string(py::str(value)));
  }
}

} // namespace

std::string ParametersToJson(const py::object &parameters) {
  if (parameters.is_none()) {
    return "{}";
  }
  if (!py::isinstance<py::dict>(parameters)) {
    throw StubError("Expect parameters to have type dict, got " + TypeText(parameters));
  }
  for (const auto &[key, value] : py::reinterpret_borrow<py::dict>(parameters)) {
    if (PyUnicode_Check(key.ptr()) == 0) {
      throw StubError("Expect parameters keys to have type str, found type " + TypeText(key));
    }
    CheckValue(value);
  }
  return py::module_::import("json")
      .attr("dumps")(parameters, py::arg("separators") = py::make_tuple(",", ":"))
      .cast<std::string>();
}

} // namespace mlflow_triton::stub
