#include "stub/python/utilities.h"

#include <utility>

#include "stub/python/module.h"

namespace mlflow_triton::stub {
namespace {

constexpr char kUtilities[] = "triton_python_backend_utils";

void SetApi(const py::object &utilities, const std::string &model_dir) {
  const py::module_ own = py::module_::import(kModuleName);
  for (const char *name : {"TritonError", "TritonModelException", "Tensor", "InferenceRequest", "InferenceResponse",
                           "Logger", "PreferredMemory", "TRITONSERVER_MEMORY_GPU", "TRITONSERVER_MEMORY_CPU",
                           "MetricFamily", "load_model", "unload_model", "is_model_ready"}) {
    utilities.attr(name) = own.attr(name);
  }
  utilities.attr("get_model_dir") = py::cpp_function([model_dir] { return model_dir; }, py::name("get_model_dir"));
}

/// Loads the file as Python would, then sets the API (importlib.abc.Loader).
struct UtilitiesLoader {
  py::object spec;
  py::object loader; ///< Python's own
  std::string model_dir;

  py::object CreateModule(const py::object &wanted) const { return loader.attr("create_module")(wanted); }

  void ExecModule(const py::object &module) const {
    // The module's own business is with the loader that knows its file: its source, its resources.
    spec.attr("loader") = loader;
    module.attr("__loader__") = loader;
    loader.attr("exec_module")(module);
    SetApi(module, model_dir);
  }
};

/// Finds that one module on `sys.path` (importlib.abc.MetaPathFinder).
struct UtilitiesFinder {
  std::string model_dir;

  py::object FindSpec(const py::str &name, const py::object &path, const py::object &target) const {
    if (!name.equal(py::str(kUtilities))) {
      return py::none();
    }
    py::object spec =
        py::module_::import("importlib.machinery").attr("PathFinder").attr("find_spec")(name, path, target);
    if (!spec.is_none()) {
      spec.attr("loader") = UtilitiesLoader{spec, spec.attr("loader"), model_dir};
    }
    return spec;
  }
};

} // namespace

void CompleteUtilitiesOnImport(const std::string &model_dir) {
  const py::module_ own = py::module_::import(kModuleName);
  py::class_<UtilitiesLoader>(own, "_UtilitiesLoader")
      .def("create_module", &UtilitiesLoader::CreateModule)
      .def("exec_module", &UtilitiesLoader::ExecModule);
  py::class_<UtilitiesFinder>(own, "_UtilitiesFinder")
      .def("find_spec", &UtilitiesFinder::FindSpec, py::arg("name"), py::arg("path"), py::arg("target") = py::none());
  auto finders = py::module_::import("sys").attr("meta_path").cast<py::list>();
  finders.insert(0, UtilitiesFinder{model_dir});
}

py::module_ ImportUtilities() { return py::module_::import(kUtilities); }

} // namespace mlflow_triton::stub
