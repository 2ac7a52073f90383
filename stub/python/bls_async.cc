#include "stub/python/bls_async.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "stub/ipc/context.h"
#include "stub/python/exception_text.h"

namespace mlflow_triton::stub {
namespace {

// More requests wait for a free thread; a parent serves 32 at a time unless told otherwise (spec section 1.6).
constexpr int kMostThreads = 64;

/// What is under way for one asyncio loop. Python members are touched with the GIL only.
class LoopCalls : public std::enable_shared_from_this<LoopCalls> {
public:
  struct Item {
    std::unique_ptr<AsyncCall> call;
    py::object future;
  };

  explicit LoopCalls(const py::object &loop)
      : create_future_(loop.attr("create_future")), call_soon_(loop.attr("call_soon_threadsafe")) {}

  py::object NewFuture() { return create_future_(); }

  /// The answer of `item` is there. Without the GIL.
  void Done(Item item) {
    {
      std::lock_guard<std::mutex> guard(mutex_);
      done_.push_back(std::move(item));
      if (std::exchange(scheduled_, true)) {
        return; // the loop has been woken and will find it
      }
    }
    py::gil_scoped_acquire gil;
    try {
      call_soon_(py::cpp_function([self = shared_from_this()] { self->Deliver(); }));
    } catch (const py::error_already_set &) {
      Deliver(); // the loop is closed: nobody waits any more, but what was kept must go
    }
  }

private:
  void Deliver() {
    std::vector<Item> items;
    {
      std::lock_guard<std::mutex> guard(mutex_);
      items.swap(done_);
      scheduled_ = false;
    }
    for (Item &item : items) {
      try {
        if (!item.future.attr("done")().cast<bool>()) {
          item.future.attr("set_result")(item.call->Result());
        }
      } catch (const py::error_already_set &error) {
        CurrentContext().outbox.Log({LogLevel::kError, __FILE__, __LINE__, ExceptionText(error)});
      }
    }
  }

  py::object create_future_, call_soon_;
  std::mutex mutex_;
  std::vector<Item> done_;
  bool scheduled_ = false;
};

/// Threads that wait for answers; they stay until the process ends.
class Pool {
public:
  static Pool &Get() {
    static auto *const pool = new Pool(); // used until the process ends
    return *pool;
  }

  void Submit(std::shared_ptr<LoopCalls> loop, LoopCalls::Item item) {
    {
      std::lock_guard<std::mutex> guard(mutex_);
      jobs_.emplace_back(std::move(loop), std::move(item));
      if (static_cast<int>(jobs_.size()) > idle_ && threads_ < kMostThreads) {
        ++threads_;
        std::thread([this] { Work(); }).detach();
      }
    }
    wake_.notify_one();
  }

private:
  void Work() {
    // One Python thread state for the life of the thread, instead of one for each answer.
    py::gil_scoped_acquire thread_state;
    py::gil_scoped_release without_gil;
    std::unique_lock<std::mutex> guard(mutex_);
    while (true) {
      ++idle_;
      wake_.wait(guard, [this] { return !jobs_.empty(); });
      --idle_;
      auto [loop, item] = std::move(jobs_.front());
      jobs_.pop_front();
      guard.unlock();
      item.call->Run();
      loop->Done(std::move(item));
      loop.reset();
      guard.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<std::shared_ptr<LoopCalls>, LoopCalls::Item>> jobs_;
  int idle_ = 0;
  int threads_ = 0;
};

/// The calls of the running loop; made anew when another loop runs. With the GIL.
std::shared_ptr<LoopCalls> CallsOfRunningLoop() {
  static auto *const get_running_loop = new py::object(py::module_::import("asyncio").attr("get_running_loop"));
  static auto *const last = new std::pair<py::object, std::shared_ptr<LoopCalls>>();
  py::object loop = (*get_running_loop)();
  if (!last->first.is(loop)) {
    // The last owner may be a thread of the pool.
    *last = {loop, std::shared_ptr<LoopCalls>(new LoopCalls(loop), [](LoopCalls *calls) {
               py::gil_scoped_acquire gil;
               delete calls;
             })};
  }
  return last->second;
}

} // namespace

py::object RunAsync(std::unique_ptr<AsyncCall> call) {
  auto loop = CallsOfRunningLoop();
  py::object future = loop->NewFuture();
  Pool::Get().Submit(std::move(loop), {std::move(call), future});
  return future;
}

} // namespace mlflow_triton::stub
