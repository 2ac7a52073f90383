// Layouts and rules that differ by revision, as data (spec sections 0.4, 3 and 5.12).
#ifndef STUB_PROTOCOL_REVISION_LAYOUT_H_
#define STUB_PROTOCOL_REVISION_LAYOUT_H_

#include <cstdint>

#include "stub/protocol/commands.h"
#include "stub/protocol/layout.h"
#include "stub/protocol/revision.h"

namespace mlflow_triton::stub {

/// Offset of a field that a revision does not have.
constexpr std::int32_t kAbsent = -1;

/// Memory block (3.5): offsets from the start of the block; data starts at `size`.
struct MemoryLayout {
  std::int32_t gpu_pointer_offset, use_cuda_shared_pool, cuda_pool_offset, memory_type, memory_type_id, byte_size;
  std::int32_t memory_release_id, size;
};

/// Request (3.7).
struct RequestLayout {
  std::int32_t correlation_id, input_count, requested_output_count, model_version, flags, address;
  std::int32_t response_factory_address, is_decoupled, timeout, timeout_bytes, memory_type, memory_device_id;
  std::int32_t trace_pointer, trace_handle, release_flags;
  std::int32_t correlation_id_handle, model_name_handle, request_id_handle, parameters_handle;
  std::int32_t size;
};

/// Response (3.11); tensor handles start at `size`.
struct ResponseLayout {
  std::int32_t outputs_size, parameters, error, has_error, is_error_set, id, is_last_response, size;
};

/// Response batch (3.12); response handles start at `size`.
struct BatchLayout {
  std::int32_t waiting_on_stub, batch_size, error, has_error, is_error_set, is_response_factory_deleted, size;
};

/// Metric (3.17).
struct MetricLayout {
  std::int32_t labels, buckets, operation_value, metric_address, metric_family_address, size;
};

/// Who deletes a response factory (5.12).
enum class FactoryOwner {
  kParent,                 ///< R1, R2: the stub never asks
  kStubAfterFinal,         ///< R3 … R7: cleanup message after the final answer, else when the request object dies
  kParentUnlessUnanswered, ///< R8+: cleanup message at death only when nothing final went out
};

/// Everything that depends on the revision.
struct Protocol {
  Revision revision;
  MemoryLayout memory;
  RequestLayout request;
  ResponseLayout response;
  BatchLayout batch;
  MetricLayout metric;
  FactoryOwner factory_owner;
  bool combined_execute_response;   ///< R8+: message and batch in one chunk
  bool returned_responses_are_sent; ///< R6, R7: a returned response goes out like one of a sender (5.5)
  bool sender_uses_s2p;             ///< R8+: ResponseSend and BLS go over the stub-to-parent queue
  bool sender_for_all_models;       ///< R6+: non-decoupled requests have a response factory too
  bool bls_outlives_execute;        ///< R6+: non-decoupled models may use BLS between two executions (5.9)
  bool stub_prefixes_errors;        ///< R6+: errors of execute carry their prefix; before, the parent adds it (5.5)
  bool stream_errors_have_id;       ///< R10+: error responses of streams carry a valid id (5.10)
  bool streams_have_command;        ///< R2+: before, all that comes over p2s is a streamed response (4.2)
  bool knows_bf16;                  ///< R7+
  bool parent_reaps_its_group;      ///< until R5: see Stub::Prepare

  /// Number of `command`, `kNoCommand` when this revision lacks it.
  std::int32_t Number(Command command) const { return CommandNumber(revision, command); }
  /// Command with `number`, if known.
  std::optional<Command> CommandOf(std::int32_t number) const { return CommandOfNumber(revision, number); }
};

/// The tables of one revision; the object lives for ever.
const Protocol &ProtocolOf(Revision revision);

} // namespace mlflow_triton::stub

#endif // STUB_PROTOCOL_REVISION_LAYOUT_H_
