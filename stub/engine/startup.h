// The first command: auto-complete or initialize (spec sections 5.2 and 5.3).
#ifndef STUB_ENGINE_STARTUP_H_
#define STUB_ENGINE_STARTUP_H_

#include <string>

#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

/// Replies to InitializeRequest; an empty `error` means success. Waits for the 0 that releases the reply.
void ReplyInitialize(Link &link, const std::string &error);

/// Replies to AutoCompleteRequest with an error, or with the completed configuration. Waits for the 0.
void ReplyAutoComplete(Link &link, const std::string &error, const std::string &config_json);

} // namespace mlflow_triton::stub

#endif // STUB_ENGINE_STARTUP_H_
