// The first command: auto-complete or initialize (spec sections 5.2 and 5.3).
#ifndef STUB_IPC_STARTUP_REPLY_H_
#define STUB_IPC_STARTUP_REPLY_H_

#include <string>

#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

/// Replies to InitializeRequest; an empty `error` means success. Waits for the 0 that releases the reply.
/// `replied` becomes 1 when the reply is in the queue.
void ReplyInitialize(Link &link, const std::string &error, std::atomic<std::uint32_t> *replied);

/// Replies to AutoCompleteRequest with an error, or with the completed configuration. Waits for the 0.
/// `replied` as above.
void ReplyAutoComplete(Link &link, const std::string &error, const std::string &config_json,
                       std::atomic<std::uint32_t> *replied);

} // namespace mlflow_triton::stub

#endif // STUB_IPC_STARTUP_REPLY_H_
