// Messages that the parent sends by itself, over the parent-to-stub queue (spec sections 4.2, 5.10, 5.16).
#ifndef STUB_ENGINE_RECEIVER_H_
#define STUB_ENGINE_RECEIVER_H_

#include "stub/engine/readiness.h"
#include "stub/ipc/context.h"

namespace mlflow_triton::stub {

/// Starts the thread that serves p2s until the process ends. It never needs the GIL; `is_ready`
/// is called from other threads.
void StartReceiver(Context &context, AskModel is_ready);

} // namespace mlflow_triton::stub

#endif // STUB_ENGINE_RECEIVER_H_
