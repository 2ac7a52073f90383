// The parent's question whether the model says that it is ready (R11, spec section 5.17).
#ifndef STUB_ENGINE_READINESS_H_
#define STUB_ENGINE_READINESS_H_

#include <functional>

#include "stub/ipc/context.h"

namespace mlflow_triton::stub {

/// `is_ready()` of the model; takes the GIL itself. Throws StubError with the text for the parent.
using AskModel = std::function<bool()>;

/// Answers `message` on a thread of its own, so that user code does not hold up what comes after it.
void AnswerReadiness(Context &context, const IpcMessage &message, AskModel ask);

} // namespace mlflow_triton::stub

#endif // STUB_ENGINE_READINESS_H_
