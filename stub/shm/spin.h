// Looking a little longer before sleeping: a wake-up through the kernel takes longer than many answers.
#ifndef STUB_SHM_SPIN_H_
#define STUB_SHM_SPIN_H_

#include <chrono>
#include <thread>

namespace mlflow_triton::stub {

/// Tells the processor that this is a loop that waits.
inline void SpinPause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

/// Whether there is another processor on which what is waited for can happen.
inline bool SpinningHelps() {
  static const bool helps = std::thread::hardware_concurrency() > 1;
  return helps;
}

/// Looks at `done()` again and again for at most `limit`; whether it came true.
template <typename Predicate> bool SpinUntil(std::chrono::microseconds limit, Predicate done) {
  if (done()) {
    return true;
  }
  if (!SpinningHelps()) {
    return false;
  }
  constexpr int kLooksBetweenClocks = 8;
  const auto end = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < end) {
    for (int look = 0; look < kLooksBetweenClocks; ++look) {
      SpinPause();
      if (done()) {
        return true;
      }
    }
  }
  return false;
}

} // namespace mlflow_triton::stub

#endif // STUB_SHM_SPIN_H_
