// Whether this build can serve the parent that started it.
#ifndef STUB_ENGINE_COMPATIBILITY_H_
#define STUB_ENGINE_COMPATIBILITY_H_

#include <string>

#include "stub/protocol/fingerprint.h"

namespace mlflow_triton::stub {

/// The answer: `error` is empty when the parent can be served with `revision`.
struct Compatibility {
  Revision revision = Revision::kR8; ///< revision to talk in, also for reporting the error
  std::string error;                 ///< names both releases and says what to do
  std::string warning;               ///< for standard error
};

/// Compares what the stub was built for (`release`, for example "24.10") with what was found out about the parent.
Compatibility CheckCompatibility(const std::string &release, const Fingerprint &parent);

} // namespace mlflow_triton::stub

#endif // STUB_ENGINE_COMPATIBILITY_H_
