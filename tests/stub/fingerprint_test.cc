// Finding out the parent's revision, and what is said when it does not fit (spec section 0.5).
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <vector>

#include "stub/engine/compatibility.h"
#include "stub/protocol/fingerprint.h"

using namespace mlflow_triton::stub;

namespace {

// Texts that each revision's library adds to those of the one before.
const std::vector<std::pair<Revision, std::string>> kAdded{
    {Revision::kR1, "TRITONBACKEND_ResponseFactoryIsCancelled"},
    {Revision::kR2, "Failed to release request"},
    {Revision::kR3, "TRITONBACKEND_InferenceRequestTimeoutMicroseconds"},
    {Revision::kR4, "TRITONSERVER_InferenceTraceContext"},
    {Revision::kR5, "TRITONBACKEND_RequestCorrelationIdString"},
    {Revision::kR6, ""},
    {Revision::kR7, "TRITONSERVER_MetricNewWithArgs"},
    {Revision::kR8, "Fail to create response"},
    {Revision::kR9, "TRITONBACKEND_ResponseSetStringParameter"},
    {Revision::kR10, "TRITONSERVER_InferenceRequestCancel"},
    {Revision::kR11, "is_ready()"},
};

/// Bytes with the texts of a library of `revision` among noise.
std::string LibraryOf(Revision revision) {
  std::string bytes(1000, '\x7f');
  for (const auto &[since, text] : kAdded) {
    if (since <= revision) {
      bytes += std::string("\0\1", 2) + text + std::string("\0", 1);
    }
  }
  if (revision <= Revision::kR5) {
    bytes += "it will be restarted";
    bytes += "Fail to create response"; // also in old libraries: must not count there
  }
  return bytes + std::string(1000, '\x00');
}

std::string WriteLibrary(const std::string &name, const std::string &bytes) {
  const char *folder = std::getenv("TEST_TMPDIR");
  const std::string path = std::string(folder == nullptr ? "/tmp" : folder) + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

} // namespace

BOOST_AUTO_TEST_CASE(every_revision_is_told_apart) {
  for (const auto &row : kAdded) {
    BOOST_TEST((RevisionOfLibrary(LibraryOf(row.first)) == row.first), RevisionName(row.first));
  }
}

BOOST_AUTO_TEST_CASE(a_library_without_the_oldest_marker_is_too_old) {
  const std::string path = WriteLibrary("old.so", "TRITONBACKEND_Something");
  const Fingerprint found = FingerprintFile(path);
  BOOST_TEST(found.too_old);
  BOOST_TEST(!found.revision);
  const Compatibility answer = CheckCompatibility("24.10", found);
  BOOST_TEST(answer.error.find("older than 23.10") != std::string::npos);
  BOOST_TEST(answer.error.find(path) != std::string::npos);
  std::remove(path.c_str());
}

BOOST_AUTO_TEST_CASE(a_missing_or_empty_file_tells_nothing) {
  BOOST_TEST(!FingerprintFile("/nonexistent/libtriton_python.so").revision);
  const std::string path = WriteLibrary("empty.so", "");
  BOOST_TEST(!FingerprintFile(path).revision);
  BOOST_TEST(!FingerprintFile(path).too_old);
  std::remove(path.c_str());
}

BOOST_AUTO_TEST_CASE(a_fitting_parent_is_accepted) {
  const std::string path = WriteLibrary("r8.so", LibraryOf(Revision::kR8));
  const Compatibility answer = CheckCompatibility("24.12", FingerprintFile(path));
  BOOST_TEST(answer.error == "");
  BOOST_TEST(answer.warning == "");
  BOOST_TEST((answer.revision == Revision::kR8));
  std::remove(path.c_str());
}

BOOST_AUTO_TEST_CASE(every_other_parent_is_served_in_its_own_revision) {
  for (const auto &row : kAdded) {
    const Compatibility answer = CheckCompatibility("24.10", Fingerprint{row.first, false, "lib.so"});
    BOOST_TEST(answer.error == "");
    BOOST_TEST((answer.revision == row.first), RevisionName(row.first));
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_parent_is_assumed_to_fit) {
  const Compatibility answer = CheckCompatibility("24.10", Fingerprint{});
  BOOST_TEST(answer.error == "");
  BOOST_TEST(answer.warning.find("24.10") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_release_that_nobody_knows) {
  BOOST_TEST(CheckCompatibility("99.01", Fingerprint{}).error.find("99.01") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_override_comes_first) {
  setenv(kReleaseOverrideVariable, "23.12", 1);
  BOOST_TEST((FingerprintParent(1, "/nonexistent").revision == Revision::kR3));
  unsetenv(kReleaseOverrideVariable);
  BOOST_TEST(FingerprintParent(-1, "/nonexistent").source == "");
}
