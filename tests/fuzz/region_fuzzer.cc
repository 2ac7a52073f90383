// Handles that lead anywhere, and a region that records a wrong size (spec sections 2.1 to 2.5 and 7.4).
#include "stub/error.h"
#include "stub/shm/chunk.h"
#include "tests/fuzz/corrupt_region.h"

using namespace mlflow_triton::stub;

namespace {

struct Target {
  CorruptRegion corrupt;
  std::unique_ptr<Region> region = Region::Open(corrupt.parent().name(), ParentSide::kStep, corrupt.parent().control());
  Handle chunk = corrupt.parent().Allocate(100);

  Target() { corrupt.Remember(chunk); }
};

/// Every byte that `Payload` promises must be there.
std::uint64_t Sum(Region &region, Handle handle, std::size_t bytes) {
  const char *payload = region.Payload(handle, bytes);
  std::uint64_t sum = 0;
  for (std::size_t index = 0; index < bytes; ++index) {
    sum += static_cast<std::uint8_t>(payload[index]);
  }
  return sum;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static auto *target = new Target();
  Region &region = *target->region;
  volatile std::uint64_t seen = 0;
  FuzzInput input(data, size);
  while (!input.empty()) {
    try {
      const std::uint8_t step = input.Take<std::uint8_t>();
      const bool near = step >= 128;
      const Handle handle = near ? Handle{input.Take<std::uint16_t>()} : input.Take<Handle>();
      switch (step % 6) {
      case 0:
        seen = seen + Sum(region, handle, near ? input.Take<std::uint16_t>() : input.Take<std::uint64_t>());
        break;
      case 1:
        seen = seen + region.As<TensorShm>(handle)->dims_count;
        break;
      case 2:
        seen = seen + (region.IsPlausible(handle) ? 1 : 0);
        break;
      case 3: { // only live chunks can be referred to
        ChunkSet chunks(region);
        Region::Lock lock(region);
        chunks.Load(lock, handle);
        break;
      }
      case 4:
        target->corrupt.parent().RecordedSize() = static_cast<std::uint64_t>(handle);
        region.FreeBytes();
        break;
      default:
        target->corrupt.parent().At<QueueShm>(target->chunk)->size = static_cast<std::uint64_t>(handle);
        region.FlushReleases();
        break;
      }
    } catch (const StubError &) {
    }
    target->corrupt.Restore();
  }
  return 0;
}
