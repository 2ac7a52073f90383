// What Python-facing objects need of the process they live in.
#ifndef STUB_IPC_CONTEXT_H_
#define STUB_IPC_CONTEXT_H_

#include <string>

#include "stub/ipc/link.h"
#include "stub/ipc/outbox.h"

namespace mlflow_triton::stub {

/// One per process: objects made by the user's code (responses, metrics, log lines) have no other way to the link.
struct Context {
  Link &link;
  Outbox &outbox;
  /// Model name in the auto-complete stub, instance name otherwise; appears in error texts.
  std::string name;
  /// argv[1].
  std::string model_path;
};

/// The process's context; valid from `SetContext` to the end of the process.
Context &CurrentContext();

/// Called once before Python starts.
void SetContext(Context *context);

} // namespace mlflow_triton::stub

#endif // STUB_IPC_CONTEXT_H_
