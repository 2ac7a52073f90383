#include "stub/engine/compatibility.h"

namespace mlflow_triton::stub {
Compatibility CheckCompatibility(const std::string &release, const Fingerprint &parent) {
  Compatibility result;
  const auto own = RevisionOfRelease(release);
  if (!own) {
    result.error = "This triton_python_backend_stub was built for the unknown Triton release '" + release + "'.";
    return result;
  }
  result.revision = *own;
  if (parent.too_old) {
    result.revision = kOldestRevision;
    result.error = "This triton_python_backend_stub was built for Triton " + release +
                   ", but the server that started it is older than 23.10 (found in " + parent.source +
                   "). Use a server of release 23.10 or newer.";
    return result;
  }
  if (!parent.revision) {
    result.warning =
        "cannot find out which Triton release started this stub; assuming " + release + ", for which it was built";
    return result;
  }
  // One binary speaks all revisions; the release it was built for only decides where the parent cannot be read.
  result.revision = *parent.revision;
  return result;
}

} // namespace mlflow_triton::stub
