#include "stub/python/bls.h"

#include <optional>

#include "stub/engine/request_plan.h"
#include "stub/engine/response_reader.h"
#include "stub/error.h"
#include "stub/ipc/call.h"
#include "stub/ipc/context.h"
#include "stub/python/bls_async.h"
#include "stub/python/response_iterator.h"
#include "stub/shm/sync.h"

namespace mlflow_triton::stub {
namespace {

/// Returns what went wrong: the parent waits in any case. The answer to inputs that never arrived is worth nothing.
std::string FillInputs(Link &link, const RequestPlan &plan, Handle buffers) {
  try {
    FillGpuBuffers(link.region(), link.protocol().memory, buffers, plan.GpuSources(), CudaPools::Get());
    return {};
  } catch (const StubError &error) {
    return error.what();
  }
}

/// Form D (spec section 5.9): pushes the request and waits for the first response. Without the GIL.
ReceivedResponse Exchange(Link &link, RequestPlan &plan, bool decoupled) {
  Region &region = link.region();
  ChunkSet chunks(region);
  Handle message = kNoHandle;
  {
    Region::Lock lock(region);
    const Handle batch = plan.Allocate(lock, chunks, link.protocol());
    message = AllocateInlineMessage(link, chunks, lock,
                                    decoupled ? Command::kInferStreamExecRequest : Command::kInferExecRequest, batch);
  }
  plan.Write(link);
  const IpcMessage *shared = region.As<IpcMessage>(message);
  auto *condition = region.As<pthread_cond_t>(shared->response_cond);
  MessageQueue &queue = link.protocol().sender_uses_s2p ? link.to_parent_service() : link.to_parent();

  CallEntry entry(link.journal(), CallForm::kExchange, message);
  SharedLock lock(region.As<pthread_mutex_t>(shared->response_mutex));
  // Pushed under the lock: the wake-up has no flag that could be looked at later.
  queue.Push(message, {entry.pushed()});
  const auto wait = [&] {
    entry.set_waiting(true);
    lock.WaitOnce(condition);
    entry.set_waiting(false);
  };
  wait();
  std::string problem;
  if (const Handle buffers = plan.GpuBuffers(link); buffers != kNoHandle) {
    problem = FillInputs(link, plan, buffers);
    entry.set_copied();
    pthread_cond_broadcast(condition);
    wait();
  }
  ReceivedResponse received;
  try {
    received = ReadResponse(link, region.As<IpcMessage>(shared->response_handle)->args);
  } catch (const StubError &error) {
    problem = problem.empty() ? error.what() : problem;
  }
  pthread_cond_broadcast(condition); // the parent drops its side, whatever came of it
  if (!problem.empty()) {
    throw StubError(problem);
  }
  return received;
}

void CheckAvailable() {
  if (!CurrentContext().link.bls_available()) {
    throw StubError("BLS is only supported during the 'execute' function.");
  }
}

/// Failures of a request are told in its response (spec section 5.9).
ReceivedResponse Failed(const std::exception &error) {
  ReceivedResponse failed;
  failed.response = std::make_shared<InferenceResponse>();
  failed.response->error = std::make_shared<TritonError>(TritonError{error.what(), ErrorCode::kInternal});
  return failed;
}

/// One request with its first response. Made and destroyed with the GIL, exchanged without.
class Call : public AsyncCall {
public:
  Call(const std::shared_ptr<InferenceRequest> &request, bool decoupled) : decoupled_(decoupled) {
    CheckAvailable();
    if (decoupled) {
      expectation_.emplace();
    }
    try {
      plan_.emplace(request);
    } catch (const StubError &error) {
      first_ = Failed(error);
    }
  }

  void Run() override {
    if (!plan_) {
      return;
    }
    try {
      first_ = Exchange(CurrentContext().link, *plan_, decoupled_);
    } catch (const std::exception &error) {
      first_ = Failed(error);
    }
  }

  py::object Result() override {
    if (!decoupled_) {
      return py::cast(first_.response);
    }
    return py::cast(std::make_shared<ResponseIterator>(StreamTable::Get().Open(std::move(first_), &*expectation_)));
  }

private:
  bool decoupled_;
  std::optional<StreamTable::Expectation> expectation_;
  std::optional<RequestPlan> plan_;
  ReceivedResponse first_;
};

} // namespace

py::object ExecuteBls(const std::shared_ptr<InferenceRequest> &request, bool decoupled) {
  Call call(request, decoupled);
  {
    py::gil_scoped_release without_gil;
    call.Run();
  }
  return call.Result();
}

py::object ExecuteBlsAsync(const std::shared_ptr<InferenceRequest> &request, bool decoupled) {
  return RunAsync(std::make_unique<Call>(request, decoupled));
}

} // namespace mlflow_triton::stub
