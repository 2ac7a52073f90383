#include "stub/protocol/revision_layout.h"

#include <array>

namespace mlflow_triton::stub {
namespace {

constexpr std::int32_t kNo = kAbsent;

// 3.5
constexpr MemoryLayout kMemoryR1{0, kNo, kNo, 8, 16, 24, 40, 48};
constexpr MemoryLayout kMemoryR2{0, 8, 16, 24, 32, 40, 48, 56};
static_assert(kMemoryR1.gpu_pointer_offset == 0 && kMemoryR1.memory_type == 8 && kMemoryR1.memory_type_id == 16);
static_assert(kMemoryR1.byte_size == 24 && kMemoryR1.memory_release_id == 40 && kMemoryR1.size == 48);
static_assert(kMemoryR2.gpu_pointer_offset == 0 && kMemoryR2.use_cuda_shared_pool == 8);
static_assert(kMemoryR2.cuda_pool_offset == 16 && kMemoryR2.memory_type == 24 && kMemoryR2.memory_type_id == 32);
static_assert(kMemoryR2.byte_size == 40 && kMemoryR2.memory_release_id == 48 && kMemoryR2.size == 56);

// 3.7: correlation_id, input_count, requested_output_count, model_version, flags, address, factory, is_decoupled,
// timeout, timeout_bytes, memory type, device, trace pointer, trace handle, release flags, correlation handle,
// model name, request id, parameters, size
constexpr RequestLayout kRequestR1{0, 8, 12, 16, 24, 32, 40, 48, 52, 4, 56, 64, 72, kNo, kNo, kNo, kNo, kNo, kNo, 80};
constexpr RequestLayout kRequestR2{0, 8, 12, 16, 24, 32, 40, 48, 52, 4, 56, 64, 72, kNo, 80, kNo, kNo, kNo, kNo, 88};
constexpr RequestLayout kRequestR3{0, 8, 12, 16, 24, 32, 40, 48, 56, 8, 64, 72, 80, kNo, 88, kNo, kNo, kNo, kNo, 96};
constexpr RequestLayout kRequestR4{0, 8, 12, 16, 24, 32, 40, 48, 56, 8, 64, 72, kNo, 80, 88, kNo, kNo, kNo, kNo, 96};
constexpr RequestLayout kRequestR5{kNo, 0, 4, 8, 16, 24, 32, 40, 48, 8, 56, 64, kNo, 72, 80, 88, 96, 104, 112, 120};

// 3.11
constexpr ResponseLayout kResponseR1{0, kNo, 8, 16, 17, 24, 32, 40};
constexpr ResponseLayout kResponseR9{0, 8, 16, 24, 25, 32, 40, 48};

// 3.12
constexpr BatchLayout Batch(std::int32_t size, std::int32_t factory_deleted) {
  constexpr std::int32_t kMore = kWider; // for the mutex at its start
  return {88 + kMore, 92 + kMore, 96 + kMore, 104 + kMore, 106 + kMore, factory_deleted, size};
}
constexpr BatchLayout kBatchR1 = Batch(112 + kWider, kNo);
constexpr BatchLayout kBatchR8 = Batch(120 + kWider, 112 + kWider);

// 3.17
constexpr MetricLayout kMetricR1{0, kNo, 8, 16, 24, 32};
constexpr MetricLayout kMetricR7{0, 8, 16, 24, 32, 40};

constexpr Protocol Make(Revision revision) {
  const bool r6 = revision >= Revision::kR6;
  const bool r2 = revision >= Revision::kR2;
  const bool r7 = revision >= Revision::kR7;
  const bool r8 = revision >= Revision::kR8;
  return Protocol{
      revision,
      r2 ? kMemoryR2 : kMemoryR1,
      revision >= Revision::kR5   ? kRequestR5
      : revision >= Revision::kR4 ? kRequestR4
      : revision >= Revision::kR3 ? kRequestR3
      : r2                        ? kRequestR2
                                  : kRequestR1,
      revision >= Revision::kR9 ? kResponseR9 : kResponseR1,
      r8 ? kBatchR8 : kBatchR1,
      r7 ? kMetricR7 : kMetricR1,
      r8                          ? FactoryOwner::kParentUnlessUnanswered
      : revision >= Revision::kR3 ? FactoryOwner::kStubAfterFinal
                                  : FactoryOwner::kParent,
      r8,
      r6 && !r8,
      r8,
      r6,
      r6,
      r6,
      revision >= Revision::kR10,
      r2,
      r7,
      !r6,
  };
}

constexpr std::array<Protocol, kRevisionCount> kProtocols{{
    Make(Revision::kR1),
    Make(Revision::kR2),
    Make(Revision::kR3),
    Make(Revision::kR4),
    Make(Revision::kR5),
    Make(Revision::kR6),
    Make(Revision::kR7),
    Make(Revision::kR8),
    Make(Revision::kR9),
    Make(Revision::kR10),
    Make(Revision::kR11),
}};

// Sizes of the fixed parts, as spec section 3 gives them.
constexpr const Protocol &At(Revision revision) { return kProtocols[static_cast<size_t>(RevisionIndex(revision))]; }
static_assert(At(Revision::kR1).request.size == 80 && At(Revision::kR2).request.size == 88);
static_assert(At(Revision::kR3).request.size == 96 && At(Revision::kR4).request.size == 96);
static_assert(At(Revision::kR8).request.size == 120 && At(Revision::kR8).memory.size == 56);
static_assert(At(Revision::kR8).batch.size == 120 + kWider && At(Revision::kR7).batch.size == 112 + kWider);
static_assert(At(Revision::kR8).response.size == 40 && At(Revision::kR9).response.size == 48);
static_assert(At(Revision::kR6).metric.size == 32 && At(Revision::kR7).metric.size == 40);

} // namespace

const Protocol &ProtocolOf(Revision revision) { return At(revision); }

} // namespace mlflow_triton::stub
