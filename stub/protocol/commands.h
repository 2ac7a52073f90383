// Command numbers by revision (spec section 4.1).
#ifndef STUB_PROTOCOL_COMMANDS_H_
#define STUB_PROTOCOL_COMMANDS_H_

#include <array>
#include <cstdint>
#include <optional>

#include "stub/protocol/revision.h"

namespace mlflow_triton::stub {

/// What a message asks for; the number on the wire depends on the revision.
enum class Command : int {
  kExecuteRequest,
  kExecuteResponse,
  kInitializeRequest,
  kInitializeResponse,
  kCudaPoolInitializeRequest,
  kFinalizeRequest,
  kFinalizeResponse,
  kLoadGpuBuffers,
  kInferExecRequest,
  kInferStreamExecRequest,
  kInferExecResponse,
  kInferStreamExecResponse,
  kResponseSend,
  kResponseClose,
  kAutoCompleteRequest,
  kAutoCompleteResponse,
  kLogRequest,
  kInferPayloadCleanup,
  kResponseFactoryCleanup,
  kMetricFamilyRequestNew,
  kMetricFamilyRequestDelete,
  kMetricRequestNew,
  kMetricRequestDelete,
  kMetricRequestValue,
  kMetricRequestIncrement,
  kMetricRequestSet,
  kMetricRequestObserve,
  kLoadModelRequest,
  kUnloadModelRequest,
  kModelReadinessRequest,
  kIsRequestCancelled,
  kCancelBlsInferRequest,
  kUserModelReadinessRequest,
  kCount,
};

constexpr int kCommandCount = static_cast<int>(Command::kCount);
/// Marks a command that a revision does not know.
constexpr std::int32_t kNoCommand = -1;

/// Number of `command` in `revision`, or `kNoCommand`.
std::int32_t CommandNumber(Revision revision, Command command);

/// Command with `number` in `revision`; nothing for an unknown number (such messages are ignored, section 4.2).
std::optional<Command> CommandOfNumber(Revision revision, std::int32_t number);

} // namespace mlflow_triton::stub

#endif // STUB_PROTOCOL_COMMANDS_H_
