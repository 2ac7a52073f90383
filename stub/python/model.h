// The user's model: finding and importing its module, calling its functions (spec sections 1.7 and 6.12).
#ifndef STUB_PYTHON_MODEL_H_
#define STUB_PYTHON_MODEL_H_

#include <map>
#include <string>

#include "stub/launch.h"
#include "stub/python/event_loop.h"
#include "stub/python/py.h"

namespace mlflow_triton::stub {

/// Module, class and instance of the model. Python errors pass through as py::error_already_set. Needs the GIL.
class Model {
public:
  explicit Model(const LaunchArguments &arguments) : arguments_(arguments) {}

  /// Extends sys.path and imports the model's module. Throws StubError for a file that is not Python.
  void Import();

  /// `auto_complete_config` on a `ModelConfig` made of `config_json`; the resulting configuration as JSON.
  std::string AutoComplete(const std::string &config_json);

  /// Creates the instance.
  void Create();
  /// Calls `initialize(args)`, if there is one, and looks up what requests need.
  void Initialize(const std::map<std::string, std::string> &args);

  /// `execute(requests)`. Throws StubError when the class has none.
  py::object Execute(const py::list &requests);

  /// Whether the model has `is_ready` (26.03+).
  bool TellsReadiness() const;
  /// `is_ready()`; a coroutine is run to its end. Throws StubError when it gives anything but a bool.
  bool IsReady(EventLoop &loop);

  /// Calls `finalize()`, if there is one.
  void Finalize();

private:
  std::string ModuleName();

  const LaunchArguments &arguments_;
  py::object class_;
  py::object instance_;
  py::object execute_;
};

} // namespace mlflow_triton::stub

#endif // STUB_PYTHON_MODEL_H_
