// What the parent gives a stub at its start (spec sections 1.2 and 1.3).
#ifndef STUB_LAUNCH_H_
#define STUB_LAUNCH_H_

#include <cstdint>
#include <optional>
#include <string>

#include "stub/protocol/layout.h"

namespace mlflow_triton::stub {

/// The words of the command line, argv[1] … argv[9].
struct LaunchArguments {
  std::string model_path;        ///< <repo>/<model>/<version>/<file>.py
  std::string region_name;       ///< without leading slash
  std::uint64_t growth_step = 0; ///< bytes
  int parent = 0;                ///< process id
  std::string python_lib;        ///< folder of triton_python_backend_utils.py
  Handle control = kNoHandle;    ///< IPC control block
  std::string name;              ///< model name (auto-complete) or instance name
  std::string runtime_model_dir; ///< "DEFAULT", or the folder of a Python-based backend

  /// True for `backend: "python"`: the model's own file is loaded.
  bool uses_model_file() const { return runtime_model_dir == "DEFAULT"; }
};

/// Fewest words a parent passes; with fewer this is a trial run that must exit with status 1 (spec section 1.2).
constexpr int kLeastArguments = 9;

/// Nothing when there are too few words or a number is malformed.
std::optional<LaunchArguments> ParseArguments(int argc, const char *const *argv);

/// SIGINT and SIGTERM reach the whole process group on Ctrl-C, but the parent ends its stubs in order: ignored by an
/// empty handler. SIGPIPE is ignored, as Python does by default.
void InstallSignalHandlers();

/// Removes everything up to and including the first ':' from LD_LIBRARY_PATH, so that programs started by the model do
/// not see the execution environment's libraries. False when there is no such part.
bool StripLibraryPath();

} // namespace mlflow_triton::stub

#endif // STUB_LAUNCH_H_
