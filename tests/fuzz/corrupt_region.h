// A region of the parent in which single values are wrong: what all fuzz targets of the shared memory have in common.
#ifndef TESTS_FUZZ_CORRUPT_REGION_H_
#define TESTS_FUZZ_CORRUPT_REGION_H_

#include <cstdint>
#include <cstring>
#include <string>

#include "tests/fuzz/fuzz_input.h"
#include "tests/stub/parent_side.h"

namespace mlflow_triton::stub {

/// A small region, made once, filled by the fuzz target with a valid structure, then spoilt and restored again and
/// again. Spoiling whole values where structures lie finds more than random bytes would: nearly all of these are
/// refused at the first handle.
class CorruptRegion {
public:
  static constexpr std::uint64_t kSize = 16 << 10;
  static constexpr std::uint64_t kSlots = 4;

  CorruptRegion() : parent_(kSize, kSlots) {}

  ParentSide &parent() { return parent_; }

  /// What is there now is what `Restore` brings back. Values of chunks made from `first` on may be spoilt. The region
  /// must be open: it loses its name, for a process that fails does not clean up.
  void Remember(Handle first) {
    parent_.Unlink();
    first_ = static_cast<std::uint64_t>(first);
    saved_.assign(base(), base() + kSize);
  }

  void Restore() { std::memcpy(base(), saved_.data(), kSize); }

  /// Applies changes until the input ends: place (2 bytes), width (1), value (1 to 8).
  void Spoil(FuzzInput *input) {
    while (!input->empty()) {
      const std::uint64_t place = first_ + input->Take<std::uint16_t>() % (kSize - first_ - sizeof(std::uint64_t));
      switch (input->Take<std::uint8_t>() % 4) {
      case 0:
        Put(place, input->Take<std::uint8_t>());
        break;
      case 1:
        Put(place, input->Take<std::uint32_t>());
        break;
      case 2:
        Put(place / 8 * 8, input->Take<std::int64_t>());
        break;
      default: // a handle, or a small number, where one can be
        Put(place / 8 * 8, std::int64_t{input->Take<std::int16_t>()});
        break;
      }
    }
  }

private:
  char *base() { return parent_.At<char>(-static_cast<Handle>(kChunkHeaderSize)); }
  template <typename T> void Put(std::uint64_t place, T value) { std::memcpy(base() + place, &value, sizeof(value)); }

  ParentSide parent_;
  std::uint64_t first_ = 0;
  std::string saved_;
};

} // namespace mlflow_triton::stub

#endif // TESTS_FUZZ_CORRUPT_REGION_H_
