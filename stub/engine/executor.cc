#include "stub/engine/executor.h"

#include <utility>

#include "stub/engine/request_reader.h"
#include "stub/engine/resync.h"
#include "stub/error.h"
#include "stub/ipc/answer.h"
#include "stub/python/exception_text.h"

namespace mlflow_triton::stub {
namespace {

// Below this much data, releasing the GIL costs more than it gives to other threads.
constexpr std::size_t kBytesWorthReleasingTheGil = 1 << 20;

/// The response of one entry of a result; null where there is none to send.
std::shared_ptr<InferenceResponse> ResponseOf(const InferenceRequest &request, py::handle entry, bool may_be_none) {
  if (request.rescheduled()) {
    if (!entry.is_none()) {
      throw StubError(
          "Expected a None object in the execute function return list for reschduled request, found type '" +
          TypeText(entry) + "'.");
    }
    return nullptr;
  }
  if (entry.is_none() && may_be_none) {
    return nullptr;
  }
  if (!py::isinstance<InferenceResponse>(entry)) {
    throw StubError("Expected an 'InferenceResponse' object in the execute function return list, found type '" +
                    TypeText(entry) + "'.");
  }
  return entry.cast<std::shared_ptr<InferenceResponse>>();
}

} // namespace

Executor::Executor(Context &context, Model &model, EventLoop &loop)
    : context_(context), link_(context.link), model_(model), loop_(loop), answer_(context.link.region()) {}

void Executor::Released() {
  answer_.Clear();
  if (std::exchange(failed_, false)) {
    // The parent has closed what was still open, and nobody needs a factory any more, not even of a request that the
    // model keeps: a factory keeps the model loaded.
    py::gil_scoped_release without_gil;
    for (const auto &channel : answered_) {
      if (channel->TakeFactory()) {
        channel->CleanUpLater();
      }
    }
  }
  answered_.clear();
  link_.region().FlushReleases();
}

std::vector<Executor::Slot> Executor::Read(Handle message) {
  std::vector<Slot> slots;
  for (auto &request : ReadRequestBatch(link_, link_.region().As<IpcMessage>(message)->args)) {
    slots.push_back(Slot{std::move(request)});
  }
  link_.journal().page().batch_known.store(1);
  return slots;
}

Executor::Plans Executor::Run(const std::vector<Slot> &slots) {
  py::list requests(slots.size());
  for (std::size_t index = 0; index < slots.size(); ++index) {
    requests[index] = slots[index].request;
  }
  py::object result = model_.Execute(requests);
  const bool is_coroutine = PyCoro_CheckExact(result.ptr()) != 0;
  if (link_.decoupled()) {
    if (is_coroutine) {
      loop_.Start(result);
    } else if (!result.is_none()) {
      throw StubError("Python model '" + context_.name +
                      "' is using the decoupled mode and the execute function must return None.");
    }
    return {};
  }
  if (is_coroutine) {
    result = loop_.RunToEnd(result);
  }
  // Without a sender for the model there is no other way to answer than the result.
  return result.is_none() && link_.protocol().sender_for_all_models ? Plans{} : TakeResult(slots, result);
}

Executor::Plans Executor::TakeResult(const std::vector<Slot> &slots, const py::object &result) {
  if (!py::isinstance<py::list>(result)) {
    throw StubError("Expected a list in the execute return, found type '" + TypeText(result) + "'.");
  }
  const auto responses = py::reinterpret_borrow<py::list>(result);
  if (responses.size() != slots.size()) {
    throw StubError("Number of InferenceResponse objects do not match the number of InferenceRequest objects. "
                    "InferenceRequest(s) size is:" +
                    std::to_string(slots.size()) +
                    ", and InferenceResponse(s) size is:" + std::to_string(responses.size()) + "\n");
  }
  const bool may_be_none = link_.protocol().sender_for_all_models;
  if (link_.protocol().returned_responses_are_sent) {
    // All of them are looked at before the first goes out.
    std::vector<std::shared_ptr<InferenceResponse>> sent;
    for (std::size_t index = 0; index < slots.size(); ++index) {
      sent.push_back(ResponseOf(*slots[index].request, responses[index], may_be_none));
    }
    for (std::size_t index = 0; index < slots.size(); ++index) {
      if (sent[index]) {
        slots[index].request->channel->Send(sent[index], kResponseCompleteFinal);
      }
    }
    return {};
  }
  Plans plans(slots.size());
  for (std::size_t index = 0; index < slots.size(); ++index) {
    const InferenceRequest &request = *slots[index].request;
    if (const auto response = ResponseOf(request, responses[index], may_be_none)) {
      plans[index] = std::make_unique<ResponsePlan>(*response, request.channel->requested_outputs);
    }
  }
  return plans;
}

void Executor::TakeFactories(std::vector<Slot> *slots, const Plans &plans) {
  // The parent deletes the factory of every returned response, so it must still exist and nobody may use it any more.
  for (std::size_t index = 0; index < plans.size(); ++index) {
    Slot &slot = (*slots)[index];
    if (!plans[index]) {
      continue;
    }
    if (slot.request->channel->HasSent()) {
      throw StubError("Unable to send response. Non-decoupled model cannot send more than one response.");
    }
    slot.factory_taken = slot.request->channel->TakeFactory();
    if (!slot.factory_taken && slot.request->channel->factory_address() != 0) {
      throw StubError("Unable to send response. Response sender has been closed.");
    }
  }
}

Handle Executor::WriteAnswer(std::vector<Slot> *slots, Plans *plans) {
  std::vector<Handle> handles;
  std::size_t data_bytes = 0;
  Answer answer;
  {
    Region::Lock lock(link_.region());
    for (const auto &plan : *plans) {
      handles.push_back(plan ? plan->Allocate(lock, answer_, link_.protocol()) : kNoHandle);
      data_bytes += plan ? plan->data_bytes() : 0;
    }
    answer = AllocateAnswer(link_, answer_, lock, handles.size());
  }
  {
    std::unique_ptr<py::gil_scoped_release> without_gil;
    if (data_bytes >= kBytesWorthReleasingTheGil) {
      without_gil = std::make_unique<py::gil_scoped_release>();
    }
    for (const auto &plan : *plans) {
      if (plan) {
        plan->Write(link_);
      }
    }
  }
  TakeFactories(slots, *plans);
  for (const auto &plan : *plans) {
    if (plan) {
      plan->AddGpuTensors(&gpu_outputs_);
    }
  }
  if (!handles.empty()) {
    std::memcpy(answer.batch + link_.protocol().batch.size, handles.data(), handles.size() * sizeof(Handle));
  }
  return answer.message;
}

Handle Executor::WriteError(std::vector<Slot> *slots, const std::string &text) {
  answer_.Clear(); // what a failed answer may have allocated
  gpu_outputs_.clear();
  // The parent can delete all factories of the batch or none (R8+, spec section 5.5): if one is gone, we delete the
  // rest.
  const bool parent_deletes = link_.protocol().factory_owner == FactoryOwner::kParentUnlessUnanswered;
  bool any_gone = false;
  if (parent_deletes) {
    py::gil_scoped_release without_gil;
    for (Slot &slot : *slots) {
      slot.factory_taken = slot.factory_taken || slot.request->channel->TakeFactory();
      any_gone = any_gone || !slot.factory_taken;
    }
    for (Slot &slot : *slots) {
      if (any_gone && slot.factory_taken) {
        slot.request->channel->CleanUpNow();
      }
    }
  }
  return AllocateErrorAnswer(link_, answer_, text, any_gone);
}

Handle Executor::GiveUp(std::vector<Slot> *slots) {
  context_.outbox.Log({LogLevel::kWarning, __FILE__, __LINE__,
                       "The server gave up on a request while model '" + context_.name +
                           "' was stopped; its late response is discarded."});
  answer_.Clear();
  gpu_outputs_.clear();
  // Nobody else deletes the factories of an abandoned batch (spec section 7.4).
  for (Slot &slot : *slots) {
    if (slot.factory_taken || slot.request->channel->TakeFactory()) {
      slot.request->channel->CleanUpLater();
    }
  }
  return DrainAbandoned(link_.from_parent());
}

void Executor::LoadGpuBuffers(Handle message) {
  const auto tensors = std::move(gpu_outputs_);
  gpu_outputs_.clear();
  try {
    std::vector<DeviceSpan> sources;
    for (const auto &tensor : tensors) {
      sources.push_back(SpanOf(*tensor));
    }
    py::gil_scoped_release without_gil;
    FillGpuBuffers(link_.region(), link_.protocol().memory, link_.region().As<IpcMessage>(message)->args, sources,
                   CudaPools::Get());
  } catch (const StubError &error) {
    context_.outbox.Log({LogLevel::kError, __FILE__, __LINE__, error.what()});
  }
}

Handle Executor::Execute(Handle message) {
  Released(); // the 0 for the last answer came before this command, if it came at all
  gpu_outputs_.clear();
  std::vector<Slot> slots;
  Handle answer = kNoHandle;
  std::string error;
  try {
    slots = Read(message);
    link_.set_executing(true);
    Plans plans = Run(slots);
    answer = WriteAnswer(&slots, &plans);
  } catch (const py::error_already_set &raised) {
    error = ExceptionText(raised);
  } catch (const std::exception &raised) {
    error = raised.what();
  }
  link_.set_executing(false);
  if (answer == kNoHandle) {
    context_.outbox.Log({LogLevel::kError, __FILE__, __LINE__,
                         "Failed to process the request(s) for model '" + context_.name + "', message: " + error});
    answer = WriteError(&slots, ExecuteErrorText(link_, context_.name, error));
    failed_ = link_.protocol().factory_owner == FactoryOwner::kStubAfterFinal;
  }
  if (!link_.from_parent().Empty()) {
    return GiveUp(&slots);
  }
  if (failed_) {
    for (const Slot &slot : slots) {
      answered_.push_back(slot.request->channel);
    }
  }
  link_.to_parent().Push(answer, {&link_.journal().page().answered});
  for (const Slot &slot : slots) {
    if (slot.factory_taken) {
      slot.request->channel->ForgetFactory();
    }
  }
  return kNoHandle;
}

} // namespace mlflow_triton::stub
