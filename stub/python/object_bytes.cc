#include "stub/python/object_bytes.h"

#include "stub/codec/bytes_codec.h"
#include "stub/error.h"

namespace mlflow_triton::stub {

ObjectBytes::ObjectBytes(const py::array &array) {
  const auto count = static_cast<std::size_t>(array.size());
  const py::dtype type = array.dtype();
  const auto *data = static_cast<const char *>(array.data());
  elements_.reserve(count);
  if (type.kind() == 'S') {
    owners_.push_back(array);
    const auto width = static_cast<std::size_t>(type.itemsize());
    for (std::size_t index = 0; index < count; ++index) {
      // NumPy pads with NUL bytes; the trailing ones are not part of the element.
      std::string_view element(data + index * width, width);
      const std::size_t last = element.find_last_not_of('\0');
      Add(element.substr(0, last == std::string_view::npos ? 0 : last + 1));
    }
    return;
  }
  owners_.reserve(count);
  for (std::size_t index = 0; index < count; ++index) {
    PyObject *object = nullptr;
    std::memcpy(&object, data + index * sizeof(object), sizeof(object));
    AddObject(object == nullptr ? Py_None : object);
  }
}

void ObjectBytes::Add(std::string_view element) {
  if (element.size() > kLongestElement) {
    throw StubError("An element of a BYTES tensor has " + std::to_string(element.size()) + " bytes; at most " +
                    std::to_string(kLongestElement) + " can be sent.");
  }
  elements_.push_back(element);
  size_ += EncodedSize(1, element.size());
}

void ObjectBytes::AddObject(py::handle object) {
  if (PyBytes_Check(object.ptr()) != 0) {
    owners_.push_back(py::reinterpret_borrow<py::object>(object));
    Add({PyBytes_AS_STRING(object.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(object.ptr()))});
    return;
  }
  py::object text = PyUnicode_CheckExact(object.ptr()) != 0
                        ? py::reinterpret_borrow<py::object>(object)
                        : py::reinterpret_steal<py::object>(PyObject_Str(object.ptr()));
  Py_ssize_t length = 0;
  const char *utf8 = text ? PyUnicode_AsUTF8AndSize(text.ptr(), &length) : nullptr;
  if (utf8 == nullptr) {
    throw py::error_already_set();
  }
  owners_.push_back(std::move(text));
  Add({utf8, static_cast<std::size_t>(length)});
}

void ObjectBytes::Write(char *to) const {
  for (const std::string_view element : elements_) {
    to = EncodeElement(to, element);
  }
}

} // namespace mlflow_triton::stub
