// The wire form of BYTES tensors (spec section 3.6): any bytes as input, and what is encoded is decoded to the same.
#include <cstdlib>
#include <vector>

#include "stub/codec/bytes_codec.h"
#include "tests/fuzz/fuzz_input.h"

using namespace mlflow_triton::stub;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string buffer = FuzzInput(data, size).Rest();
  std::vector<std::string> elements;
  BytesReader reader(buffer);
  for (std::string_view element; reader.Next(&element);) {
    elements.emplace_back(element);
  }
  if (reader.truncated() == reader.at_end() || CheckBytes(buffer, elements.size()).empty() == reader.truncated()) {
    std::abort();
  }
  std::size_t lengths = 0;
  for (const std::string &element : elements) {
    lengths += element.size();
  }
  std::string encoded(EncodedSize(elements.size(), lengths), '\0');
  char *to = encoded.data();
  for (const std::string &element : elements) {
    to = EncodeElement(to, element);
  }
  if (to != encoded.data() + encoded.size() || buffer.compare(0, encoded.size(), encoded) != 0) {
    std::abort();
  }
  return 0;
}
