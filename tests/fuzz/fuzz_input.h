// How a fuzz target makes values of the bytes that it is given.
#ifndef TESTS_FUZZ_FUZZ_INPUT_H_
#define TESTS_FUZZ_FUZZ_INPUT_H_

#include <cstdint>
#include <cstring>
#include <string>

namespace mlflow_triton::stub {

/// The bytes that libFuzzer made, read from the front. At the end everything is 0.
class FuzzInput {
public:
  FuzzInput(const std::uint8_t *data, std::size_t size) : data_(data), size_(size) {}

  bool empty() const { return size_ == 0; }
  std::string Rest() { return std::string(reinterpret_cast<const char *>(data_), size_); }

  template <typename T> T Take() {
    T value{};
    const std::size_t bytes = size_ < sizeof(T) ? size_ : sizeof(T);
    if (bytes > 0) {
      std::memcpy(&value, data_, bytes);
    }
    data_ += bytes;
    size_ -= bytes;
    return value;
  }

private:
  const std::uint8_t *data_;
  std::size_t size_;
};

} // namespace mlflow_triton::stub

#endif // TESTS_FUZZ_FUZZ_INPUT_H_
