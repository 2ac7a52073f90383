// Sign of life and parent watch (spec sections 1.8 and 5.20).
#ifndef STUB_SUPERVISION_HEALTH_H_
#define STUB_SUPERVISION_HEALTH_H_

#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

/// The parent gives a stub up that did not set `stub_health` for a second.
constexpr int kHealthPeriodMilliseconds = 100;

/// Told by a process that does nothing else, so neither a busy model nor a held lock can keep it from doing so.
class Health {
public:
  Health(Link &link, int parent);

  /// Sets the sign of life. When the parent is gone, ends this process: region unlinked, status 1.
  void Tick();

private:
  bool ParentIsGone() const;

  Link &link_;
  int parent_;
  bool is_child_;
};

} // namespace mlflow_triton::stub

#endif // STUB_SUPERVISION_HEALTH_H_
