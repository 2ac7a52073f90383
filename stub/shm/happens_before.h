// What ThreadSanitizer cannot see: the other process.
#ifndef STUB_SHM_HAPPENS_BEFORE_H_
#define STUB_SHM_HAPPENS_BEFORE_H_

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STUB_UNDER_THREAD_SANITIZER
extern "C" void __tsan_acquire(void *address);
extern "C" void __tsan_release(void *address);
#endif
#endif

namespace mlflow_triton::stub {

/// Memory that this process gives back comes again with a message, after the parent has used it: the parent took the
/// region's mutex after `RegionUnlocked`, and what `ParentHeard` stands for happened after that.
inline char order_of_region = 0;

inline void RegionUnlocked() {
#ifdef STUB_UNDER_THREAD_SANITIZER
  __tsan_release(&order_of_region);
#endif
}

inline void ParentHeard() {
#ifdef STUB_UNDER_THREAD_SANITIZER
  __tsan_acquire(&order_of_region);
#endif
}

} // namespace mlflow_triton::stub

#endif // STUB_SHM_HAPPENS_BEFORE_H_
