// Structures in the region whose layout is the same in every revision (spec section 3). Those that differ by revision
// are in revision_layout.h. Offsets are relative to the payload of a chunk.
#ifndef STUB_PROTOCOL_LAYOUT_H_
#define STUB_PROTOCOL_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <pthread.h>
#include <semaphore.h>

namespace mlflow_triton::stub {

/// Offset of a chunk from the start of the region; 0 means none (spec section 0.1).
using Handle = std::int64_t;
constexpr Handle kNoHandle = 0;

/// Bytes of the ownership header in front of every payload (2.3): u32 reference count, 12 unused.
constexpr std::size_t kChunkHeaderSize = 16;

/// Bytes by which a mutex is larger than on x86-64, for which the specification gives sizes and offsets: 8 on aarch64.
constexpr std::size_t kWider = sizeof(pthread_mutex_t) - 40;
static_assert((kWider == 0 || kWider == 8) && sizeof(pthread_cond_t) == 48 && sizeof(sem_t) == 32,
              "the parent's synchronisation objects have these sizes with glibc (2.2)");

/// IPC control block (3.1).
struct IpcControl {
  std::uint8_t stub_health;
  std::uint8_t parent_health;
  std::uint8_t uses_env;
  std::uint8_t decoupled;
  std::uint8_t stub_has_user_model_readiness_fn; // R11 only; padding before
  std::uint8_t padding[3];
  pthread_mutex_t parent_health_mutex; // never initialised by the parent: do not use
  pthread_mutex_t stub_health_mutex;
  Handle stub_message_queue;
  Handle parent_message_queue;
  Handle stub_to_parent_mq;
  Handle parent_to_stub_mq;
  Handle memory_manager_message_queue;
};
static_assert(sizeof(IpcControl) == 128 + 2 * kWider);
static_assert(offsetof(IpcControl, stub_health) == 0 && offsetof(IpcControl, parent_health) == 1);
static_assert(offsetof(IpcControl, uses_env) == 2 && offsetof(IpcControl, decoupled) == 3);
static_assert(offsetof(IpcControl, stub_has_user_model_readiness_fn) == 4);
static_assert(offsetof(IpcControl, parent_health_mutex) == 8 && offsetof(IpcControl, stub_health_mutex) == 48 + kWider);
static_assert(offsetof(IpcControl, stub_message_queue) == 88 + 2 * kWider &&
              offsetof(IpcControl, parent_message_queue) == 96 + 2 * kWider);
static_assert(offsetof(IpcControl, stub_to_parent_mq) == 104 + 2 * kWider &&
              offsetof(IpcControl, parent_to_stub_mq) == 112 + 2 * kWider);
static_assert(offsetof(IpcControl, memory_manager_message_queue) == 120 + 2 * kWider);

/// Message queue (3.2).
struct QueueShm {
  sem_t sem_empty;
  sem_t sem_full;
  pthread_mutex_t mutex;
  std::uint64_t size;
  Handle buffer;
  std::int32_t head;
  std::int32_t tail;
};
static_assert(sizeof(QueueShm) == 128 + kWider && offsetof(QueueShm, sem_full) == 32 &&
              offsetof(QueueShm, mutex) == 64);
static_assert(offsetof(QueueShm, size) == 104 + kWider && offsetof(QueueShm, buffer) == 112 + kWider);
static_assert(offsetof(QueueShm, head) == 120 + kWider && offsetof(QueueShm, tail) == 124 + kWider);

/// IPC message (3.3).
struct IpcMessage {
  std::int32_t command;
  std::int32_t padding0;
  Handle args;
  std::uint8_t inline_response;
  std::uint8_t padding1[7];
  Handle response_handle;
  Handle response_mutex;
  Handle response_cond;
};
static_assert(sizeof(IpcMessage) == 48 && offsetof(IpcMessage, args) == 8);
static_assert(offsetof(IpcMessage, inline_response) == 16 && offsetof(IpcMessage, response_handle) == 24);
static_assert(offsetof(IpcMessage, response_mutex) == 32 && offsetof(IpcMessage, response_cond) == 40);

/// String container, also the header of an inline string (3.4).
struct TextShm {
  Handle data;
  std::uint64_t length;
};
static_assert(sizeof(TextShm) == 16 && offsetof(TextShm, length) == 8);

/// Dictionary and its pairs (3.4).
struct DictShm {
  std::uint32_t length;
  std::uint32_t padding;
  Handle values;
};
struct PairShm {
  Handle key;
  Handle value;
};
static_assert(sizeof(DictShm) == 16 && offsetof(DictShm, values) == 8 && sizeof(PairShm) == 16);

/// Error of a response (3.4).
struct ErrorShm {
  std::int32_t code;
  std::int32_t padding;
  Handle message;
};
static_assert(sizeof(ErrorShm) == 16 && offsetof(ErrorShm, message) == 8);

/// Fixed part of a tensor (3.6); dims follow at 24, then the inline name, then perhaps the memory block.
struct TensorShm {
  Handle memory; // 0: the memory block follows inline
  std::int32_t dtype;
  std::int32_t padding;
  std::uint64_t dims_count;
};
static_assert(sizeof(TensorShm) == 24 && offsetof(TensorShm, dtype) == 8 && offsetof(TensorShm, dims_count) == 16);
/// What counts more than any server allows is no tensor, but something else that was taken for one.
constexpr std::uint64_t kMostTensorDims = 1024;

/// Correlation id, R5+ (3.8).
struct CorrelationIdShm {
  Handle id_string;
  std::uint64_t id_uint;
  std::int32_t id_type; // 0 integer, 1 string
  std::int32_t padding;
};
static_assert(sizeof(CorrelationIdShm) == 24 && offsetof(CorrelationIdShm, id_uint) == 8);
static_assert(offsetof(CorrelationIdShm, id_type) == 16);

/// Trace, R4+ (3.9).
struct TraceShm {
  Handle trace_context;
  std::uint64_t triton_trace;
};
static_assert(sizeof(TraceShm) == 16 && offsetof(TraceShm, triton_trace) == 8);

/// Fixed part of a request batch (3.10); request handles follow.
struct RequestBatchShm {
  std::uint32_t batch_size;
  std::uint32_t padding;
  Handle gpu_buffers_handle;
};
static_assert(sizeof(RequestBatchShm) == 16 && offsetof(RequestBatchShm, gpu_buffers_handle) == 8);

/// Common start of the messages with their own lock (3.13). What follows may begin inside what a C++ base class would
/// call tail padding (offset 89), so each message is spelt out instead of derived.
struct LockedHead {
  pthread_mutex_t mutex;
  pthread_cond_t condition;
  std::uint8_t flag; // waiting_on_stub, or is_stub_turn
};
static_assert(offsetof(LockedHead, condition) == 40 + kWider && offsetof(LockedHead, flag) == 88 + kWider);

constexpr std::size_t kLockedHeadSize = sizeof(LockedHead);

/// Log message (3.13).
struct LogShm {
  char head[kLockedHeadSize];
  Handle filename;
  std::int32_t line;
  std::int32_t padding0;
  Handle message;
  std::int32_t level;
  std::int32_t padding1;
};
static_assert(sizeof(LogShm) == 128 + kWider && offsetof(LogShm, filename) == 96 + kWider &&
              offsetof(LogShm, line) == 104 + kWider);
static_assert(offsetof(LogShm, message) == 112 + kWider && offsetof(LogShm, level) == 120 + kWider);

/// Custom metrics message (3.13).
struct MetricsCallShm {
  char head[kLockedHeadSize];
  Handle message;
  std::uint8_t has_error;
  std::uint8_t is_error_set;
  std::uint8_t padding1[6];
  Handle error;
  double value;
  std::uint64_t address;
};
static_assert(sizeof(MetricsCallShm) == 136 + kWider && offsetof(MetricsCallShm, has_error) == 104 + kWider);
static_assert(offsetof(MetricsCallShm, is_error_set) == 105 + kWider &&
              offsetof(MetricsCallShm, error) == 112 + kWider);
static_assert(offsetof(MetricsCallShm, value) == 120 + kWider && offsetof(MetricsCallShm, address) == 128 + kWider);

/// Model control message (3.13).
struct ModelControlShm {
  char head[kLockedHeadSize];
  Handle message;
  std::uint8_t has_error;
  std::uint8_t is_error_set;
  std::uint8_t padding1[6];
  Handle error;
  std::uint8_t is_model_ready;
  std::uint8_t padding2[7];
};
static_assert(sizeof(ModelControlShm) == 128 + kWider && offsetof(ModelControlShm, has_error) == 104 + kWider);
static_assert(offsetof(ModelControlShm, is_error_set) == 105 + kWider &&
              offsetof(ModelControlShm, error) == 112 + kWider);
static_assert(offsetof(ModelControlShm, is_model_ready) == 120 + kWider);

/// Cancellation query (3.13).
struct CancelQueryShm {
  char head[kLockedHeadSize];
  std::uint64_t response_factory_address;
  std::uint64_t request_address;
  std::uint8_t is_cancelled;
  std::uint8_t padding[7];
};
static_assert(sizeof(CancelQueryShm) == 120 + kWider && offsetof(CancelQueryShm, request_address) == 104 + kWider);
static_assert(offsetof(CancelQueryShm, is_cancelled) == 112 + kWider);

/// Cancellation of a request of the model, R10+ (3.13).
struct CancelBlsShm {
  char head[kLockedHeadSize];
  std::uint64_t infer_payload_id;
  std::uint8_t is_cancelled;
  std::uint8_t padding[7];
};
static_assert(sizeof(CancelBlsShm) == 112 + kWider && offsetof(CancelBlsShm, infer_payload_id) == 96 + kWider);
static_assert(offsetof(CancelBlsShm, is_cancelled) == 104 + kWider);

/// Response send message (3.13).
struct ResponseSendShm {
  pthread_mutex_t mutex;
  pthread_cond_t condition;
  std::uint8_t is_stub_turn;
  std::uint8_t has_error;
  std::uint8_t is_error_set;
  std::uint8_t padding0[5];
  Handle error;
  std::uint64_t request_address;
  std::uint64_t response_factory_address;
  Handle response;
  Handle gpu_buffers_handle;
  std::uint32_t flags;
  std::uint32_t padding1;
};
static_assert(sizeof(ResponseSendShm) == 144 + kWider && offsetof(ResponseSendShm, is_stub_turn) == 88 + kWider);
static_assert(offsetof(ResponseSendShm, has_error) == 89 + kWider &&
              offsetof(ResponseSendShm, is_error_set) == 90 + kWider);
static_assert(offsetof(ResponseSendShm, error) == 96 + kWider &&
              offsetof(ResponseSendShm, request_address) == 104 + kWider);
static_assert(offsetof(ResponseSendShm, response_factory_address) == 112 + kWider);
static_assert(offsetof(ResponseSendShm, response) == 120 + kWider &&
              offsetof(ResponseSendShm, gpu_buffers_handle) == 128 + kWider);
static_assert(offsetof(ResponseSendShm, flags) == 136 + kWider);

/// Cleanup message (3.14); its own mutex and condition are not used.
struct CleanupShm {
  char head[kLockedHeadSize];
  std::uint64_t id;
};
static_assert(sizeof(CleanupShm) == 104 + kWider && offsetof(CleanupShm, id) == 96 + kWider);

/// CUDA pool message (3.15): the handle starts in the tail padding of the common head.
struct CudaPoolShm {
  char head[offsetof(LockedHead, flag) + 1];
  char cuda_handle[64];
  std::uint8_t padding0[3];
  std::int32_t device_id;
  Handle error;
  std::uint8_t has_error;
  std::uint8_t is_error_set;
  std::uint8_t padding1[6];
};
static_assert(sizeof(CudaPoolShm) == 176 + kWider && offsetof(CudaPoolShm, cuda_handle) == 89 + kWider);
static_assert(offsetof(CudaPoolShm, device_id) == 156 + kWider && offsetof(CudaPoolShm, error) == 160 + kWider);
static_assert(offsetof(CudaPoolShm, has_error) == 168 + kWider && offsetof(CudaPoolShm, is_error_set) == 169 + kWider);

/// User readiness message, R11 (3.14).
struct ReadinessShm {
  char head[offsetof(LockedHead, flag) + 1];
  std::uint8_t is_ready;
  std::uint8_t function_exists;
  std::uint8_t has_error;
  std::uint8_t is_error_set;
  std::uint8_t padding[3];
  Handle error;
};
static_assert(sizeof(ReadinessShm) == 104 + kWider && offsetof(ReadinessShm, is_ready) == 89 + kWider);
static_assert(offsetof(ReadinessShm, is_error_set) == 92 + kWider && offsetof(ReadinessShm, error) == 96 + kWider);

/// GPU buffers (3.16).
struct GpuBuffersShm {
  std::uint8_t success;
  std::uint8_t padding0[7];
  Handle error;
  Handle buffers;
  std::uint32_t buffer_count;
  std::uint32_t padding1;
};
static_assert(sizeof(GpuBuffersShm) == 32 && offsetof(GpuBuffersShm, error) == 8);
static_assert(offsetof(GpuBuffersShm, success) == 0 && offsetof(GpuBuffersShm, buffers) == 16 &&
              offsetof(GpuBuffersShm, buffer_count) == 24);

/// Metric family (3.17). The metric itself differs by revision.
struct MetricFamilyShm {
  Handle name;
  Handle description;
  std::int32_t kind;
  std::int32_t padding;
  std::uint64_t metric_family_address;
};
static_assert(sizeof(MetricFamilyShm) == 32 && offsetof(MetricFamilyShm, metric_family_address) == 24);

/// Model loader request (3.18).
struct ModelLoaderShm {
  Handle name;
  Handle version;
  std::uint8_t unload_dependents;
  std::uint8_t padding[7];
  Handle config;
  Handle files;
};
static_assert(sizeof(ModelLoaderShm) == 40 && offsetof(ModelLoaderShm, config) == 24);
static_assert(offsetof(ModelLoaderShm, files) == 32);

/// Reply to InitializeRequest, and the start of the reply to AutoCompleteRequest (3.19).
struct InitializeResponseShm {
  std::uint8_t has_error;
  std::uint8_t is_error_set;
  std::uint8_t padding[6];
  Handle error;
};
static_assert(sizeof(InitializeResponseShm) == 16 && offsetof(InitializeResponseShm, error) == 8);

/// Reply to AutoCompleteRequest (3.19).
struct AutoCompleteResponseShm {
  InitializeResponseShm status;
  std::uint8_t has_model_config;
  std::uint8_t padding[7];
  Handle model_config;
};
static_assert(sizeof(AutoCompleteResponseShm) == 32);
static_assert(offsetof(AutoCompleteResponseShm, has_model_config) == 16);
static_assert(offsetof(AutoCompleteResponseShm, model_config) == 24);

} // namespace mlflow_triton::stub

#endif // STUB_PROTOCOL_LAYOUT_H_
