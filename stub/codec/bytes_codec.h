// The wire form of BYTES tensors (spec section 3.6): for each element a u32 length and that many bytes.
#ifndef STUB_CODEC_BYTES_CODEC_H_
#define STUB_CODEC_BYTES_CODEC_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace mlflow_triton::stub {

/// Bytes that elements with `lengths_total` bytes in `count` elements take.
constexpr std::size_t EncodedSize(std::size_t count, std::size_t lengths_total) {
  return count * sizeof(std::uint32_t) + lengths_total;
}

/// Longest element the wire form can hold.
constexpr std::size_t kLongestElement = 0xFFFFFFFFu;

/// Writes one element at `to` and returns the place behind it. `element` is at most `kLongestElement` long.
inline char *EncodeElement(char *to, std::string_view element) {
  const auto length = static_cast<std::uint32_t>(element.size());
  std::memcpy(to, &length, sizeof(length));
  if (!element.empty()) {
    std::memcpy(to + sizeof(length), element.data(), element.size());
  }
  return to + sizeof(length) + element.size();
}

/// Walks the elements of a buffer without copying.
class BytesReader {
public:
  explicit BytesReader(std::string_view buffer) : rest_(buffer) {}

  /// True and the element, or false at the end and for a truncated element (`truncated` tells which).
  bool Next(std::string_view *element);

  bool truncated() const { return truncated_; }
  bool at_end() const { return rest_.empty() && !truncated_; }

private:
  std::string_view rest_;
  bool truncated_ = false;
};

/// Empty when `buffer` holds exactly `count` elements, else what is wrong with it.
std::string CheckBytes(std::string_view buffer, std::size_t count);

} // namespace mlflow_triton::stub

#endif // STUB_CODEC_BYTES_CODEC_H_
