#include "stub/python/channel.h"

#include <utility>

#include "stub/engine/response_plan.h"
#include "stub/error.h"
#include "stub/ipc/call.h"
#include "stub/ipc/context.h"

namespace mlflow_triton::stub {
Channel::Channel(std::uint64_t request_address, std::uint64_t factory_address)
    : request_address_(request_address), factory_address_(factory_address),
      entry_(factory_address == 0 ? nullptr
                                  : CurrentContext().link.journal().AddRequest(request_address, factory_address)),
      factory_alive_(factory_address != 0) {}

Channel::~Channel() {
  if (factory_alive_) {
    CleanUpLater();
  }
  ForgetLocked();
}

void Channel::CleanUpLater() {
  CurrentContext().outbox.Cleanup(Command::kResponseFactoryCleanup, factory_address_, std::exchange(entry_, nullptr));
}

void Channel::ForgetLocked() { CurrentContext().link.journal().Remove(std::exchange(entry_, nullptr)); }

void Channel::CloseLocked() {
  closed_ = true;
  // Elsewhere the parent deletes the factory itself.
  factory_alive_ = factory_alive_ && CurrentContext().link.protocol().factory_owner == FactoryOwner::kStubAfterFinal;
}

void Channel::CheckMaySend(bool has_response, std::uint32_t flags) const {
  const Link &link = CurrentContext().link;
  const bool single = !link.decoupled();
  if (flags != 0 && flags != kResponseCompleteFinal) {
    throw StubError("Unable to send response. Unsupported flag provided.");
  }
  if (flags == 0 && !has_response) {
    throw StubError("Inference Response object must be provided when the response flags is set to zero.");
  }
  if (single && has_response && sent_ > 0) {
    throw StubError("Unable to send response. Non-decoupled model cannot send more than one response.");
  }
  if (single && !has_response && flags == kResponseCompleteFinal && sent_ == 0) {
    throw StubError(
        "Unable to send response. Non-decoupled model cannot send complete final before sending a response.");
  }
  if (closed_ || !factory_alive_) {
    throw StubError("Unable to send response. Response sender has been closed.");
  }
  if (!link.pool_available()) {
    throw StubError("Unable to send response. Responses can only be sent after 'initialize' and before 'finalize'.");
  }
}

void Channel::Send(const std::shared_ptr<InferenceResponse> &response, std::uint32_t flags) {
  std::unique_ptr<ResponsePlan> plan;
  if (response) {
    plan = std::make_unique<ResponsePlan>(*response, requested_outputs);
  }
  py::gil_scoped_release without_gil;
  std::lock_guard<std::mutex> guard(mutex_);
  CheckMaySend(response != nullptr, flags);
  Link &link = CurrentContext().link;
  const bool is_final = flags == kResponseCompleteFinal;
  const auto close = [&] {
    // From the push on the parent answers for the factory of a final send, also when the send fails.
    sent_ += response ? 1 : 0;
    if (is_final) {
      CloseLocked();
    }
  };
  SendResponse(link, {request_address_, factory_address_}, plan.get(), flags, close,
               is_final && entry_ != nullptr ? &entry_->final_sent : nullptr);
  if (closed_ && factory_alive_ && link.protocol().factory_owner == FactoryOwner::kStubAfterFinal) {
    factory_alive_ = false;
    CleanUpLater();
  }
  if (!factory_alive_) {
    ForgetLocked();
  }
}

bool Channel::IsCancelled() {
  if (cancelled_.load()) {
    return true;
  }
  Context &context = CurrentContext();
  std::uint64_t factory = factory_address_;
  {
    py::gil_scoped_release without_gil;
    std::lock_guard<std::mutex> guard(mutex_);
    if (factory_address_ != 0 && !factory_alive_) {
      return false; // the parent's objects are gone: asking would touch freed memory
    }
    if (factory == 0 && request_address_ == 0) {
      return false; // with both addresses 0 the server would abort
    }
    if (!context.link.helpers_allowed()) {
      context.outbox.Log({LogLevel::kError, __FILE__, __LINE__, "Cannot communicate with parent service"});
      return false;
    }
    Region &region = context.link.region();
    ChunkSet chunks(region);
    Handle payload = kNoHandle;
    {
      Region::Lock lock(region);
      payload = chunks.Allocate(lock, sizeof(CancelQueryShm));
    }
    CancelQueryShm fields{};
    fields.response_factory_address = factory;
    fields.request_address = request_address_;
    *region.As<CancelQueryShm>(payload) = fields;
    CallWithOwnLock(context.link, chunks, Command::kIsRequestCancelled, payload, [this](char *reply) {
      cancelled_.store(reinterpret_cast<CancelQueryShm *>(reply)->is_cancelled != 0);
    });
  }
  return cancelled_.load();
}

bool Channel::TakeFactory() {
  std::lock_guard<std::mutex> guard(mutex_);
  const bool taken = factory_alive_;
  factory_alive_ = false;
  closed_ = true;
  if (entry_ != nullptr) {
    entry_->taken.store(1);
  }
  return taken;
}

void Channel::ForgetFactory() {
  std::lock_guard<std::mutex> guard(mutex_);
  ForgetLocked();
}

bool Channel::HasSent() {
  std::lock_guard<std::mutex> guard(mutex_);
  return sent_ > 0;
}

void Channel::CleanUpNow() {
  SendCleanup(CurrentContext().link, Command::kResponseFactoryCleanup, factory_address_);
  ForgetFactory();
}

} // namespace mlflow_triton::stub
