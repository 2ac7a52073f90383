// What ThreadSanitizer cannot see: the other process.
#ifndef STUB_SHM_HAPPENS_BEFORE_H_
#define STUB_SHM_HAPPENS_BEFORE_H_

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STUB_UNDER_THREAD_SANITIZER
extern "C" void __tsan_acquire(void *address);
extern "C" void __tsan_release(void *address);
extern "C" void __tsan_ignore_thread_begin();
extern "C" void __tsan_ignore_thread_end();
#endif
#endif

namespace mlflow_triton::stub {

/// The parent hands memory from one thread of this process to another: it frees what one has sent, and its answer or
/// the next allocation of another thread lies there. All that it does so follows something that it saw of this process,
/// and is followed by something that this process sees of it: a mutex of the region, a condition, or a queue.
#ifdef STUB_UNDER_THREAD_SANITIZER
inline char order_of_region = 0;
#endif

/// What this thread did up to now happens before what the parent does from now on.
inline void ReleaseToParent() {
#ifdef STUB_UNDER_THREAD_SANITIZER
  __tsan_release(&order_of_region);
#endif
}

/// What the parent did up to now, and what it had seen before, happens before what this thread does from now on.
inline void AcquireFromParent() {
#ifdef STUB_UNDER_THREAD_SANITIZER
  __tsan_acquire(&order_of_region);
#endif
}

/// For unlocking a mutex, which the parent may free as soon as it has locked it itself: ThreadSanitizer would compare
/// what comes next in that memory with the unlocking.
class Unwatched {
public:
#ifdef STUB_UNDER_THREAD_SANITIZER
  Unwatched() { __tsan_ignore_thread_begin(); }
  ~Unwatched() { __tsan_ignore_thread_end(); }
#else
  Unwatched() {}
#endif
  Unwatched(const Unwatched &) = delete;
  Unwatched &operator=(const Unwatched &) = delete;
};

} // namespace mlflow_triton::stub

#endif // STUB_SHM_HAPPENS_BEFORE_H_
