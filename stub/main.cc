// triton_python_backend_stub: the process in which Triton's Python backend runs one model instance.
#include <cstdio>
#include <unistd.h>

#include "stub/engine/stub.h"
#include "stub/error.h"
#include "stub/launch.h"
#include "stub/supervision/supervisor.h"

#ifndef TRITON_RELEASE
#define TRITON_RELEASE "24.10"
#endif

int main(int argc, char **argv) {
  using namespace mlflow_triton::stub;
  const auto arguments = ParseArguments(argc, argv);
  if (!arguments) {
    return 1; // also the parent's trial run without arguments, which must see exactly this status (spec section 1.2)
  }
  InstallSignalHandlers();
  const auto work = [&arguments](Link &link, const Assignment &assignment) {
    // Never destroyed: Python objects and threads may use it until the process is gone.
    return (new Stub(*arguments, TRITON_RELEASE, link, assignment))->Run();
  };
  int status = 1;
  try {
    status = Supervisor(*arguments, TRITON_RELEASE, work).Run();
  } catch (const std::exception &error) {
    std::fprintf(stderr, "triton_python_backend_stub of '%s' ends: %s\n", arguments->name.c_str(), error.what());
  }
  std::fflush(nullptr);
  _exit(status);
}
