#include "stub/python/object_bytes.h"

#include <vector>

#include "stub/codec/bytes_codec.h"
#include "stub/error.h"

namespace mlflow_triton::stub {
namespace {

std::string_view ViewOfBytes(PyObject *bytes) {
  return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
}

/// NumPy pads with NUL bytes; the trailing ones are not part of the element.
std::string_view WithoutPadding(std::string_view element) {
  const std::size_t last = element.find_last_not_of('\0');
  return element.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

/// `bytes` as it is, everything else as text.
py::object BytesOrText(PyObject *object) {
  if (PyBytes_Check(object) != 0 || PyUnicode_CheckExact(object) != 0) {
    return py::reinterpret_borrow<py::object>(object);
  }
  auto text = py::reinterpret_steal<py::object>(PyObject_Str(object));
  if (!text) {
    throw py::error_already_set();
  }
  return text;
}

std::string_view ViewOf(const py::object &object) {
  if (PyBytes_Check(object.ptr()) != 0) {
    return ViewOfBytes(object.ptr());
  }
  Py_ssize_t length = 0;
  const char *utf8 = PyUnicode_AsUTF8AndSize(object.ptr(), &length); // kept by the object
  if (utf8 == nullptr) {
    throw py::error_already_set();
  }
  return {utf8, static_cast<std::size_t>(length)};
}

} // namespace

template <typename Element> void ObjectBytes::Encode(std::size_t count, Element element) {
  for (std::size_t index = 0; index < count; ++index) {
    const std::size_t length = element(index).size();
    if (length > kLongestElement) {
      throw StubError("An element of a BYTES tensor has " + std::to_string(length) + " bytes; at most " +
                      std::to_string(kLongestElement) + " can be sent.");
    }
    size_ += EncodedSize(1, length);
  }
  data_.reset(new char[size_]); // not cleared, as make_unique would
  char *to = data_.get();
  for (std::size_t index = 0; index < count; ++index) {
    to = EncodeElement(to, element(index));
  }
}

ObjectBytes::ObjectBytes(const py::array &array) {
  const auto count = static_cast<std::size_t>(array.size());
  const py::dtype type = array.dtype();
  const auto *data = static_cast<const char *>(array.data());
  if (type.kind() == 'S') {
    const auto width = static_cast<std::size_t>(type.itemsize());
    Encode(count, [=](std::size_t index) { return WithoutPadding({data + index * width, width}); });
    return;
  }
  const auto object_at = [data](std::size_t index) {
    PyObject *object = nullptr;
    std::memcpy(&object, data + index * sizeof(object), sizeof(object));
    return object == nullptr ? Py_None : object;
  };
  bool only_bytes = true;
  for (std::size_t index = 0; index < count && only_bytes; ++index) {
    only_bytes = PyBytes_Check(object_at(index)) != 0;
  }
  if (only_bytes) {
    Encode(count, [&](std::size_t index) { return ViewOfBytes(object_at(index)); });
    return;
  }
  // Making texts runs code of the model, which may change the array: what is sent is held until it is written.
  std::vector<py::object> held;
  held.reserve(count);
  for (std::size_t index = 0; index < count; ++index) {
    held.push_back(BytesOrText(object_at(index)));
  }
  Encode(count, [&](std::size_t index) { return ViewOf(held[index]); });
}

} // namespace mlflow_triton::stub
