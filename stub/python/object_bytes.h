// BYTES elements of NumPy arrays (spec section 6.3).
#ifndef STUB_PYTHON_OBJECT_BYTES_H_
#define STUB_PYTHON_OBJECT_BYTES_H_

#include <memory>
#include <string_view>

#include "stub/python/numpy.h"

namespace mlflow_triton::stub {

/// The elements of an array of objects or of fixed-length bytes in the wire form, in C order: `bytes` as they are,
/// everything else as UTF-8 of `str(x)`. Encoding needs the GIL; the result does not depend on the array any more.
class ObjectBytes {
public:
  /// Throws StubError when an element cannot be expressed or is too long.
  explicit ObjectBytes(const py::array &array);

  /// The wire form.
  std::string_view bytes() const { return {data_.get(), size_}; }

private:
  /// `element(index)` is the element at that place, twice the same.
  template <typename Element> void Encode(std::size_t count, Element element);

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
};

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_OBJECT_BYTES_H_
