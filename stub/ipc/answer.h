// The answer to an ExecuteRequest, without what the model made (spec sections 3.12 and 5.5).
#ifndef STUB_IPC_ANSWER_H_
#define STUB_IPC_ANSWER_H_

#include <string>

#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

/// The two parts of an answer: what is pushed, and where its response batch starts.
struct Answer {
  Handle message = kNoHandle;
  char *batch = nullptr;
};

/// Allocates an answer with room for `responses` handles behind the batch; all its fields are written, none an error.
Answer AllocateAnswer(Link &link, ChunkSet &chunks, Region::Lock &lock, std::size_t responses);

/// Allocates an answer that fails the whole batch. `factories_gone` tells a parent that would delete the response
/// factories of the batch not to (R8+, spec section 5.5).
Handle AllocateErrorAnswer(Link &link, ChunkSet &chunks, const std::string &text, bool factories_gone);

/// `reason` with the words around it that the revision expects of the stub.
std::string ExecuteErrorText(const Link &link, const std::string &model, const std::string &reason);

} // namespace mlflow_triton::stub

#endif // STUB_IPC_ANSWER_H_
