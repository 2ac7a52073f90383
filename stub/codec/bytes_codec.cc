#include "stub/codec/bytes_codec.h"

namespace mlflow_triton::stub {

bool BytesReader::Next(std::string_view *element) {
  if (rest_.empty() || truncated_) {
    return false;
  }
  std::uint32_t length = 0;
  if (rest_.size() < sizeof(length)) {
    truncated_ = true;
    return false;
  }
  std::memcpy(&length, rest_.data(), sizeof(length));
  if (rest_.size() - sizeof(length) < length) {
    truncated_ = true;
    return false;
  }
  *element = rest_.substr(sizeof(length), length);
  rest_.remove_prefix(sizeof(length) + length);
  return true;
}

std::string CheckBytes(std::string_view buffer, std::size_t count) {
  BytesReader reader(buffer);
  std::size_t found = 0;
  for (std::string_view element; reader.Next(&element);) {
    ++found;
  }
  if (reader.truncated()) {
    return "element " + std::to_string(found) + " is truncated in a buffer of " + std::to_string(buffer.size()) +
           " bytes";
  }
  if (found != count) {
    return "the shape needs " + std::to_string(count) + " elements, the buffer holds " + std::to_string(found);
  }
  return {};
}

} // namespace mlflow_triton::stub
