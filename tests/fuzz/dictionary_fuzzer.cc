// Texts and dictionaries whose handles, lengths and counts are wrong (spec section 3.4).
#include "stub/error.h"
#include "stub/shm/dictionary.h"
#include "tests/fuzz/corrupt_region.h"

using namespace mlflow_triton::stub;

namespace {

struct Target {
  CorruptRegion corrupt;
  std::unique_ptr<Region> region = Region::Open(corrupt.parent().name(), ParentSide::kStep, corrupt.parent().control());
  ChunkSet chunks{*region};
  Handle dictionary = kNoHandle;
  Handle text = kNoHandle;

  Target() {
    {
      Region::Lock lock(*region);
      text = chunks.AllocateText(lock, "a text");
      dictionary = AllocateDictionary(chunks, lock, {{"key", "value"}, {"", "none"}, {"file", std::string(200, '\0')}});
    }
    corrupt.Remember(text); // with the region's mutex free
  }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static auto *target = new Target();
  FuzzInput input(data, size);
  target->corrupt.Spoil(&input);
  volatile std::size_t bytes = 0;
  try {
    bytes = bytes + ReadText(*target->region, target->text).size();
  } catch (const StubError &) {
  }
  try {
    for (const auto &entry : ReadDictionary(*target->region, target->dictionary)) {
      bytes = bytes + entry.first.size() + entry.second.size();
    }
  } catch (const StubError &) {
  }
  target->corrupt.Restore();
  return 0;
}
