// The first command: auto-complete or initialize (spec sections 5.2 and 5.3).
#ifndef STUB_IPC_STARTUP_REPLY_H_
#define STUB_IPC_STARTUP_REPLY_H_

#include <atomic>
#include <functional>
#include <string>

#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

/// Replies to InitializeRequest that all is well. Waits for the 0 that releases the reply.
/// `replied` becomes 1 when the reply is in the queue.
void ReplyInitialize(Link &link, std::atomic<std::uint32_t> *replied);

/// Replies to AutoCompleteRequest with the completed configuration. Waits for the 0.
/// `replied` as above.
void ReplyAutoComplete(Link &link, const std::string &config_json, std::atomic<std::uint32_t> *replied);

/// Replies to either with an error. The parent kills the process that it started as soon as it has read that, and
/// tidies up the region: nobody else may be using it any more. `wait` is called again and again until it says that the
/// 0 has come.
void ReplyFailure(Link &link, Command request, const std::string &error, const std::function<bool()> &wait);

} // namespace mlflow_triton::stub

#endif // STUB_IPC_STARTUP_REPLY_H_
