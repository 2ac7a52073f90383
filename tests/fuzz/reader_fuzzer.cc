// Requests of clients and responses of other models, in every revision, with wrong values in them (spec sections 3.5 to
// 3.12). Reading them needs no Python: none is started here.
#include <array>

#include "stub/codec/bytes_codec.h"
#include "stub/engine/request_reader.h"
#include "stub/engine/response_reader.h"
#include "stub/error.h"
#include "stub/ipc/context.h"
#include "tests/fuzz/corrupt_region.h"

using namespace mlflow_triton::stub;

namespace {

constexpr int kRevisions = static_cast<int>(Revision::kR11) - static_cast<int>(Revision::kR1) + 1;

class Target {
public:
  explicit Target(Revision revision) : link_(Arguments()), outbox_(link_) {
    link_.set_protocol(ProtocolOf(revision));
    {
      Region::Lock lock(link_.region());
      first_ = chunks_.Allocate(lock, 1);
      request_ = MakeRequestBatch(lock);
      response_ = MakeResponseBatch(lock);
    }
    corrupt_.Remember(first_); // with the region's mutex free
  }

  void Run(FuzzInput *input) {
    SetContext(&context_);
    corrupt_.Spoil(input);
    try {
      for (const auto &request : ReadRequestBatch(link_, request_)) {
        for (const auto &tensor : request->inputs) {
          Look(*tensor);
        }
      }
    } catch (const StubError &) {
    }
    try {
      const ReceivedResponse received = ReadResponse(link_, response_); // the loop alone would not keep it
      for (const auto &tensor : received.response->outputs) {
        Look(*tensor);
      }
    } catch (const StubError &) {
    }
    corrupt_.Restore();
  }

private:
  LaunchArguments Arguments() {
    LaunchArguments arguments;
    arguments.region_name = corrupt_.parent().name();
    arguments.growth_step = ParentSide::kStep;
    arguments.control = corrupt_.parent().control();
    return arguments;
  }

  /// Every byte of a tensor's data must be there.
  static void Look(const Tensor &tensor) {
    if (tensor.is_cpu()) {
      volatile std::size_t seen = CheckBytes(tensor.Bytes(), tensor.ElementCount()).size();
      for (const char byte : tensor.Bytes()) {
        seen = seen + static_cast<std::uint8_t>(byte);
      }
    }
  }

  char *Make(Region::Lock &lock, std::size_t bytes, Handle *handle) {
    *handle = chunks_.Allocate(lock, bytes);
    char *at = link_.region().Payload(*handle, bytes);
    std::memset(at, 0, bytes);
    return at;
  }

  template <typename T> static void Set(char *at, std::int32_t offset, T value) {
    if (offset != kAbsent) {
      StoreAt<T>(at + offset, value);
    }
  }

  char *MakeBlock(char *at, std::uint64_t bytes) {
    const MemoryLayout &layout = link_.protocol().memory;
    StoreAt<std::uint64_t>(at + layout.byte_size, bytes);
    return at + layout.size;
  }

  /// Two elements of BYTES, "a" and "bc", inline or in a memory chunk of their own.
  Handle MakeTensor(Region::Lock &lock, bool separate) {
    constexpr std::uint64_t kBytes = EncodedSize(2, 3);
    const auto block = static_cast<std::size_t>(link_.protocol().memory.size);
    Handle tensor = kNoHandle, memory = kNoHandle;
    char *data = nullptr;
    if (separate) {
      data = MakeBlock(Make(lock, block + kBytes, &memory), kBytes);
    }
    const std::size_t head = sizeof(TensorShm) + sizeof(std::int64_t) + sizeof(TextShm) + 1;
    char *at = Make(lock, head + block + kBytes, &tensor);
    StoreAt(at, TensorShm{memory, static_cast<std::int32_t>(DType::kBytes), 0, 1});
    StoreAt<std::int64_t>(at + sizeof(TensorShm), 2);
    StoreAt(at + sizeof(TensorShm) + sizeof(std::int64_t), TextShm{0, 1});
    at[head - 1] = 'T';
    if (!separate) {
      data = MakeBlock(at + head, kBytes);
    }
    EncodeElement(EncodeElement(data, "a"), "bc");
    return tensor;
  }

  Handle MakeRequestBatch(Region::Lock &lock) {
    const RequestLayout &layout = link_.protocol().request;
    constexpr std::size_t kTextBytes = 3 * (sizeof(TextShm) + 1);
    const auto fixed = static_cast<std::size_t>(layout.size);
    Handle request = kNoHandle, batch = kNoHandle, id = kNoHandle, trace = kNoHandle;
    char *at = Make(lock, fixed + 3 * sizeof(Handle) + kTextBytes, &request);
    Set<std::uint32_t>(at, layout.input_count, 2);
    Set<std::uint32_t>(at, layout.requested_output_count, 1);
    Set<std::uint64_t>(at, layout.address, 1);
    Set<std::uint64_t>(at, layout.response_factory_address, 2);
    StoreAt(Make(lock, sizeof(CorrelationIdShm), &id), CorrelationIdShm{chunks_.AllocateText(lock, "i"), 0, 1, 0});
    StoreAt(Make(lock, sizeof(TraceShm), &trace), TraceShm{chunks_.AllocateText(lock, "t"), 0});
    Set<Handle>(at, layout.correlation_id_handle, id);
    Set<Handle>(at, layout.trace_handle, trace);
    Set<Handle>(at, layout.model_name_handle, chunks_.AllocateText(lock, "m"));
    Set<Handle>(at, layout.request_id_handle, chunks_.AllocateText(lock, "r"));
    Set<Handle>(at, layout.parameters_handle, chunks_.AllocateText(lock, "{}"));
    at += fixed;
    StoreAt<Handle>(at, chunks_.AllocateText(lock, "o"));
    StoreAt<Handle>(at + sizeof(Handle), MakeTensor(lock, false));
    StoreAt<Handle>(at + 2 * sizeof(Handle), MakeTensor(lock, true));
    at += 3 * sizeof(Handle);
    for (int text = 0; text < 3; ++text, at += sizeof(TextShm) + 1) {
      StoreAt(at, TextShm{0, 1});
    }
    at = Make(lock, sizeof(RequestBatchShm) + sizeof(Handle), &batch);
    StoreAt(at, RequestBatchShm{1, 0, kNoHandle});
    StoreAt<Handle>(at + sizeof(RequestBatchShm), request);
    return batch;
  }

  Handle MakeResponseBatch(Region::Lock &lock) {
    const ResponseLayout &layout = link_.protocol().response;
    Handle response = kNoHandle, batch = kNoHandle, error = kNoHandle;
    StoreAt(Make(lock, sizeof(ErrorShm), &error), ErrorShm{1, 0, chunks_.AllocateText(lock, "e")});
    char *at = Make(lock, static_cast<std::size_t>(layout.size) + 2 * sizeof(Handle), &response);
    Set<std::uint32_t>(at, layout.outputs_size, 2);
    Set<Handle>(at, layout.parameters, chunks_.AllocateText(lock, "{}"));
    Set<Handle>(at, layout.error, error);
    Set<std::uint8_t>(at, layout.is_error_set, 1);
    StoreAt<Handle>(at + layout.size, MakeTensor(lock, false));
    StoreAt<Handle>(at + layout.size + sizeof(Handle), MakeTensor(lock, true));
    const BatchLayout &batch_layout = link_.protocol().batch;
    at = Make(lock, static_cast<std::size_t>(batch_layout.size) + sizeof(Handle), &batch);
    Set<std::uint32_t>(at, batch_layout.batch_size, 1);
    Set<Handle>(at, batch_layout.error, chunks_.AllocateText(lock, "b"));
    Set<std::uint8_t>(at, batch_layout.is_error_set, 1);
    StoreAt<Handle>(at + batch_layout.size, response);
    return batch;
  }

  CorruptRegion corrupt_;
  Link link_;
  Outbox outbox_;
  Context context_{link_, outbox_, "fuzz", "model.py"};
  ChunkSet chunks_{link_.region()};
  Handle first_ = kNoHandle;
  Handle request_ = kNoHandle;
  Handle response_ = kNoHandle;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static std::array<Target *, kRevisions> targets{};
  FuzzInput input(data, size);
  const int index = input.Take<std::uint8_t>() % kRevisions;
  Target *&target = targets[static_cast<std::size_t>(index)];
  if (target == nullptr) {
    target = new Target(static_cast<Revision>(static_cast<int>(Revision::kR1) + index));
  }
  target->Run(&input);
  return 0;
}
