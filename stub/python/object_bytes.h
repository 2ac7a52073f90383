// BYTES elements of NumPy arrays (spec section 6.3).
#ifndef STUB_PYTHON_OBJECT_BYTES_H_
#define STUB_PYTHON_OBJECT_BYTES_H_

#include <string_view>
#include <vector>

#include "stub/python/numpy.h"

namespace mlflow_triton::stub {

/// The elements of an array of objects or of fixed-length bytes, in C order, ready to be written: `bytes` as they are,
/// everything else as UTF-8 of `str(x)`. Built and destroyed with the GIL, written without.
class ObjectBytes {
public:
  /// Throws StubError when an element cannot be expressed or is too long.
  explicit ObjectBytes(const py::array &array);

  /// Bytes of the wire form.
  std::size_t size() const { return size_; }
  /// Writes the wire form.
  void Write(char *to) const;

private:
  void AddObject(py::handle object);
  void Add(std::string_view element);

  std::vector<std::string_view> elements_;
  std::vector<py::object> owners_; // of what the views show
  std::size_t size_ = 0;
};

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_OBJECT_BYTES_H_
