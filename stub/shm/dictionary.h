// Dictionaries of strings in the region (spec section 3.4).
#ifndef STUB_SHM_DICTIONARY_H_
#define STUB_SHM_DICTIONARY_H_

#include <map>
#include <string>

#include "stub/shm/chunk.h"

namespace mlflow_triton::stub {

/// Copy of a dictionary. Keys and values are text or raw bytes.
std::map<std::string, std::string> ReadDictionary(Region &region, Handle dictionary);

/// Allocates a dictionary with all its strings; `chunks` owns every part.
Handle AllocateDictionary(ChunkSet &chunks, Region::Lock &lock, const std::map<std::string, std::string> &entries);

} // namespace mlflow_triton::stub

#endif // STUB_SHM_DICTIONARY_H_
