// Queues whose head, tail, size and buffer are wrong, and what is left in them after the parent gave up (spec sections
// 2.7, 3.2 and 7.4). The semaphores and the mutex are left alone: with those wrong nobody can go on.
#include "stub/engine/resync.h"
#include "stub/error.h"
#include "tests/fuzz/corrupt_region.h"

using namespace mlflow_triton::stub;

namespace {

struct Target {
  CorruptRegion corrupt;
  std::unique_ptr<Region> region = Region::Open(corrupt.parent().name(), ParentSide::kStep, corrupt.parent().control());
  Handle queue = corrupt.parent().At<IpcControl>(corrupt.parent().control())->stub_message_queue;

  Target() { corrupt.Remember(queue); }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static auto *target = new Target();
  FuzzInput input(data, size);
  auto *shm = target->corrupt.parent().At<QueueShm>(target->queue);
  volatile Handle seen = 0;
  try {
    const std::uint8_t wrong = input.Take<std::uint8_t>();
    const auto spoil = [&](int bit, auto *field) {
      *field = (wrong >> bit & 1) != 0 ? input.Take<std::decay_t<decltype(*field)>>() : *field;
    };
    spoil(0, &shm->size);
    const Handle buffer = shm->buffer;
    spoil(1, &shm->buffer);
    if (shm->buffer > 0 && shm->buffer < buffer) {
      shm->buffer = buffer; // slots over the mutex and the semaphores: see above
    }
    MessageQueue queue(*target->region, target->queue);
    spoil(2, &shm->head);
    spoil(3, &shm->tail);
    std::uint64_t pushed = 0;
    while (!input.empty()) {
      const auto step = input.Take<std::uint8_t>();
      if (step % 4 < 2 && pushed < CorruptRegion::kSlots) {
        queue.Push(input.Take<std::uint16_t>() * 16);
        ++pushed;
      } else if (step % 4 == 2) {
        pushed -= queue.TryPop().has_value() ? 1 : 0;
      } else {
        seen = seen + DrainAbandoned(queue);
        pushed = 0;
      }
      spoil(4, &shm->tail);
      spoil(5, &shm->head);
    }
  } catch (const StubError &) {
  }
  target->corrupt.Restore();
  return 0;
}
