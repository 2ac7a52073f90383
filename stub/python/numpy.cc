#include "stub/python/numpy.h"

#include <array>

#include "stub/error.h"

namespace mlflow_triton::stub {
namespace {

constexpr std::array<const char *, kDTypeCount> kNumpyNames{{nullptr, "bool", "uint8", "uint16", "uint32", "uint64",
                                                             "int8", "int16", "int32", "int64", "float16", "float32",
                                                             "float64", "object", nullptr}};

bool IsNative(const py::dtype &type) {
  const char order = type.byteorder();
  return order == '=' || order == '|' || order == '<'; // the platform is little-endian (spec header)
}

} // namespace

const py::dtype &NumpyTypeOf(DType dtype) {
  // Never freed: used until the process ends.
  static auto *const types = [] {
    auto *made = new std::array<py::dtype, kDTypeCount>();
    for (std::size_t number = 0; number < kNumpyNames.size(); ++number) {
      if (kNumpyNames[number] != nullptr) {
        (*made)[number] = py::dtype(kNumpyNames[number]);
      }
    }
    return made;
  }();
  return (*types)[static_cast<std::size_t>(dtype)];
}

DType TypeOfArray(const py::array &array) {
  const py::dtype type = array.dtype();
  return DTypeOfNumpy(type.kind(), static_cast<std::size_t>(type.itemsize()));
}

py::array ContiguousArray(const py::array &array) {
  const py::dtype type = array.dtype();
  if (!IsNative(type)) {
    return py::array::ensure(array.attr("astype")(type.attr("newbyteorder")("=")), py::array::c_style);
  }
  if ((array.flags() & py::array::c_style) != 0) {
    return array;
  }
  return py::array::ensure(array, py::array::c_style);
}

} // namespace mlflow_triton::stub
