// Running requests and answering them (spec sections 5.4 to 5.6).
#ifndef STUB_ENGINE_EXECUTOR_H_
#define STUB_ENGINE_EXECUTOR_H_

#include <memory>
#include <string>
#include <vector>

#include "stub/engine/response_plan.h"
#include "stub/ipc/context.h"
#include "stub/python/event_loop.h"
#include "stub/python/model.h"
#include "stub/python/request.h"

namespace mlflow_triton::stub {

/// Handles ExecuteRequest. All members need the GIL and are called from the main thread only.
class Executor {
public:
  Executor(Context &context, Model &model, EventLoop &loop);

  /// Runs the batch of `message` and pushes the answer. Returns the command to go on with when the parent had given the
  /// batch up meanwhile, else none.
  Handle Execute(Handle message);

  /// Copies the last answer's outputs in GPU memory to the buffers that the parent has for them. What goes wrong is
  /// logged (spec section 5.8).
  void LoadGpuBuffers(Handle message);

  /// The parent pushed 0: it has read the last answer.
  void Released();

private:
  /// One request of the batch and whether the duty of deleting its response factory is in our hands.
  struct Slot {
    std::shared_ptr<InferenceRequest> request;
    bool factory_taken = false;
  };
  /// One entry of the model's result; null for None.
  using Plans = std::vector<std::unique_ptr<ResponsePlan>>;

  std::vector<Slot> Read(Handle message);
  Plans Run(const std::vector<Slot> &slots);
  Plans TakeResult(const std::vector<Slot> &slots, const py::object &result);
  Handle WriteAnswer(std::vector<Slot> *slots, Plans *plans);
  Handle WriteError(std::vector<Slot> *slots, const std::string &text);
  void TakeFactories(std::vector<Slot> *slots, const Plans &plans);
  Handle GiveUp(std::vector<Slot> *slots);

  Context &context_;
  Link &link_;
  Model &model_;
  EventLoop &loop_;
  ChunkSet answer_;                                  // until the parent has read it
  std::vector<std::shared_ptr<Tensor>> gpu_outputs_; // of the last answer, until LoadGPUBuffers or the next command
  // Where the stub deletes the factories, not before the parent has used them for an error (spec section 5.12, R3 to
  // R7).
  std::vector<std::shared_ptr<Channel>> answered_;
  bool failed_ = false; // the last answer was an error, and these factories are ours to delete
};

} // namespace mlflow_triton::stub

#endif // STUB_ENGINE_EXECUTOR_H_
