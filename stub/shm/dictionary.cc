#include "stub/shm/dictionary.h"

namespace mlflow_triton::stub {

std::map<std::string, std::string> ReadDictionary(Region &region, Handle dictionary) {
  std::map<std::string, std::string> entries;
  const DictShm head = *region.As<DictShm>(dictionary);
  if (head.length == 0) {
    return entries;
  }
  const char *pairs = region.Payload(head.values, head.length * sizeof(PairShm));
  for (std::uint32_t index = 0; index < head.length; ++index) {
    const auto pair = LoadAt<PairShm>(pairs + index * sizeof(PairShm));
    entries[ReadText(region, pair.key)] = ReadText(region, pair.value);
  }
  return entries;
}

Handle AllocateDictionary(ChunkSet &chunks, Region::Lock &lock, const std::map<std::string, std::string> &entries) {
  Region &region = chunks.region();
  const Handle dictionary = chunks.Allocate(lock, sizeof(DictShm));
  const Handle values = chunks.Allocate(lock, entries.size() * sizeof(PairShm));
  *region.As<DictShm>(dictionary) = DictShm{static_cast<std::uint32_t>(entries.size()), 0, values};
  std::size_t index = 0;
  for (const auto &entry : entries) {
    const Handle key = chunks.AllocateText(lock, entry.first);
    const PairShm pair{key, chunks.AllocateText(lock, entry.second)};
    StoreAt(region.Payload(values, entries.size() * sizeof(PairShm)) + index++ * sizeof(PairShm), pair);
  }
  return dictionary;
}

} // namespace mlflow_triton::stub
