// The wire form of BYTES tensors: round trips and damaged data.
#include <boost/test/unit_test.hpp>

#include <random>
#include <vector>

#include "stub/codec/bytes_codec.h"

using namespace mlflow_triton::stub;

namespace {

std::string Encode(const std::vector<std::string> &elements) {
  std::size_t total = 0;
  for (const std::string &element : elements) {
    total += element.size();
  }
  std::string buffer(EncodedSize(elements.size(), total), '?');
  char *at = buffer.data();
  for (const std::string &element : elements) {
    at = EncodeElement(at, element);
  }
  BOOST_TEST(at == buffer.data() + buffer.size());
  return buffer;
}

std::vector<std::string> Decode(const std::string &buffer) {
  std::vector<std::string> elements;
  BytesReader reader(buffer);
  for (std::string_view element; reader.Next(&element);) {
    elements.emplace_back(element);
  }
  return elements;
}

std::vector<std::string> RandomElements(std::mt19937 &random) {
  std::vector<std::string> elements(random() % 20);
  for (std::string &element : elements) {
    element.resize(random() % 4 == 0 ? 0 : random() % 300);
    for (char &byte : element) {
      byte = static_cast<char>(random());
    }
  }
  return elements;
}

} // namespace

BOOST_AUTO_TEST_CASE(known_bytes) {
  BOOST_TEST(Encode({"ab", ""}) == std::string("\2\0\0\0ab\0\0\0\0", 10));
  BOOST_TEST(Encode({}) == "");
}

BOOST_AUTO_TEST_CASE(random_round_trips) {
  std::mt19937 random(24);
  for (int round = 0; round < 2000; ++round) {
    const std::vector<std::string> elements = RandomElements(random);
    const std::string buffer = Encode(elements);
    BOOST_TEST((Decode(buffer) == elements));
    BOOST_TEST(CheckBytes(buffer, elements.size()) == "");
  }
}

BOOST_AUTO_TEST_CASE(every_truncation_is_noticed) {
  const std::vector<std::string> elements{"hello", "", std::string("\0\xff", 2), "x"};
  const std::string buffer = Encode(elements);
  for (std::size_t length = 0; length < buffer.size(); ++length) {
    BOOST_TEST(CheckBytes(std::string_view(buffer).substr(0, length), elements.size()) != "", length);
  }
}

BOOST_AUTO_TEST_CASE(random_damage_never_reads_outside) {
  std::mt19937 random(10);
  for (int round = 0; round < 5000; ++round) {
    std::string buffer = Encode(RandomElements(random));
    if (buffer.empty()) {
      continue;
    }
    buffer[random() % buffer.size()] = static_cast<char>(random());
    BytesReader reader(buffer);
    for (std::string_view element; reader.Next(&element);) {
      BOOST_TEST((element.data() >= buffer.data() && element.data() + element.size() <= buffer.data() + buffer.size()));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_count_is_told) {
  BOOST_TEST(CheckBytes(Encode({"a", "b"}), 3).find("needs 3 elements, the buffer holds 2") != std::string::npos);
  BOOST_TEST(CheckBytes("", 0) == "");
  BOOST_TEST(CheckBytes(std::string("\xff\xff\xff\xff", 4), 1).find("truncated") != std::string::npos);
}
