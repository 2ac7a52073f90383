#include "stub/engine/compatibility.h"

namespace mlflow_triton::stub {
namespace {

/// Revisions whose flows this stub implements; the layouts of all revisions are known.
bool IsImplemented(Revision revision) { return revision == Revision::kR8; }

std::string Describe(Revision revision) {
  return "Triton " + ReleasesOf(revision) + " (protocol " + RevisionName(revision) + ")";
}

} // namespace

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
                   "). Use a server of release " + ReleasesOf(*own) + ".";
    return result;
  }
  if (!parent.revision) {
    result.warning =
        "cannot find out which Triton release started this stub; assuming " + release + ", for which it was built";
  } else if (*parent.revision != *own) {
    result.revision = *parent.revision;
    result.error = "This triton_python_backend_stub was built for Triton " + release + " (protocol " +
                   RevisionName(*own) + ": " + ReleasesOf(*own) + "), but the server that started it is " +
                   Describe(*parent.revision) + " (found in " + parent.source +
                   "). Build the stub for that release with --//config:triton_version, or use a matching server.";
    return result;
  }
  if (!IsImplemented(*own)) {
    result.error = "This build of triton_python_backend_stub does not serve " + Describe(*own) + ".";
  }
  return result;
}

} // namespace mlflow_triton::stub
