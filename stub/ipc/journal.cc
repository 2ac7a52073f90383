#include "stub/ipc/journal.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>

#include "stub/error.h"

namespace mlflow_triton::stub {
namespace {

constexpr std::size_t kFull = ~std::size_t{0};

} // namespace

std::unique_ptr<Journal> Journal::Create() {
  // Pages that nobody writes cost nothing, so the tables can be large.
  void *page = mmap(nullptr, sizeof(JournalPage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) {
    throw StubError(std::string("cannot allocate the journal of a worker: ") + std::strerror(errno));
  }
  return std::unique_ptr<Journal>(new Journal(static_cast<JournalPage *>(page))); // zeros are the start of everything
}

Journal::~Journal() { munmap(page_, sizeof(JournalPage)); }

std::size_t Journal::Take(std::vector<std::uint32_t> *free, std::atomic<std::uint32_t> *used, std::size_t size) {
  if (!free->empty()) {
    const std::size_t index = free->back();
    free->pop_back();
    return index;
  }
  const std::uint32_t next = used->load(std::memory_order_relaxed);
  if (next == size) {
    return kFull;
  }
  used->store(next + 1, std::memory_order_release);
  return next;
}

OpenCall *Journal::AddCall(CallForm form, Handle message) {
  std::lock_guard<std::mutex> guard(mutex_);
  const std::size_t index = Take(&free_calls_, &page_->calls_used, JournalPage::kCalls);
  if (index == kFull) {
    return nullptr;
  }
  OpenCall &call = page_->calls[index];
  call.form = form;
  call.message = message;
  call.pushed.store(0, std::memory_order_relaxed);
  call.waiting.store(0, std::memory_order_relaxed);
  call.ended.store(0, std::memory_order_relaxed);
  call.copied.store(0, std::memory_order_relaxed);
  call.used.store(1, std::memory_order_release);
  return &call;
}

void Journal::Remove(OpenCall *call) {
  if (call != nullptr) {
    std::lock_guard<std::mutex> guard(mutex_);
    call->used.store(0, std::memory_order_release);
    free_calls_.push_back(static_cast<std::uint32_t>(call - page_->calls));
  }
}

OpenRequest *Journal::AddRequest(std::uint64_t request, std::uint64_t factory) {
  std::lock_guard<std::mutex> guard(mutex_);
  const std::size_t index = Take(&free_requests_, &page_->requests_used, JournalPage::kRequests);
  if (index == kFull) {
    return nullptr;
  }
  OpenRequest &entry = page_->requests[index];
  entry.request = request;
  entry.factory = factory;
  entry.final_sent.store(0, std::memory_order_relaxed);
  entry.taken.store(0, std::memory_order_relaxed);
  entry.deletable.store(0, std::memory_order_relaxed);
  entry.deleted.store(0, std::memory_order_relaxed);
  entry.used.store(1, std::memory_order_release);
  return &entry;
}

void Journal::Remove(OpenRequest *request) {
  if (request != nullptr) {
    std::lock_guard<std::mutex> guard(mutex_);
    request->used.store(0, std::memory_order_release);
    free_requests_.push_back(static_cast<std::uint32_t>(request - page_->requests));
  }
}

void Journal::AddPool(std::int32_t device, const char *handle) {
  SharedPool *const end = page_->pools + JournalPage::kPools;
  SharedPool *const pool = std::find_if(page_->pools, end, [device](const SharedPool &one) {
    return one.used.load(std::memory_order_acquire) == 0 || one.device == device;
  });
  if (pool != end) {
    pool->device = device;
    std::memcpy(pool->handle, handle, sizeof(pool->handle));
    pool->used.store(1, std::memory_order_release);
  }
}

void Journal::CopyPools(const Journal &earlier) {
  for (const SharedPool &pool : earlier.page_->pools) {
    if (pool.used.load(std::memory_order_acquire) != 0) {
      AddPool(pool.device, pool.handle);
    }
  }
}

void Journal::SetFailure(const std::string &text) {
  const std::size_t length = std::min(text.size(), sizeof(page_->failure) - 1);
  std::memcpy(page_->failure, text.data(), length);
  page_->failure[length] = '\0';
}

} // namespace mlflow_triton::stub
