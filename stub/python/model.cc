#include "stub/python/model.h"

#include <unistd.h>

#include "stub/error.h"
#include "stub/python/exception_text.h"
#include "stub/python/utilities.h"

namespace mlflow_triton::stub {
namespace {

constexpr char kModelClass[] = "TritonPythonModel";
constexpr std::string_view kSuffix = ".py";

std::string DirectoryOf(const std::string &path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string(".") : path.substr(0, slash);
}

std::string BaseName(const std::string &path) { return path.substr(path.rfind('/') + 1); }

py::str PathText(const std::string &path) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<Py_ssize_t>(path.size())));
}

} // namespace

std::string Model::ModuleName() {
  if (!arguments_.uses_model_file()) {
    return "model";
  }
  const std::string file = BaseName(arguments_.model_path);
  if (file.size() <= kSuffix.size() || file.compare(file.size() - kSuffix.size(), kSuffix.size(), kSuffix) != 0) {
    throw StubError("Model name must end with '.py'. Model name is \"" + file + "\".");
  }
  if (access(arguments_.model_path.c_str(), R_OK) != 0) {
    throw StubError("Python model file not found in '" + arguments_.model_path + "'");
  }
  // The version directory acts as a namespace package.
  return BaseName(DirectoryOf(arguments_.model_path)) + "." + file.substr(0, file.size() - kSuffix.size());
}

void Model::Import() {
  const std::string name = ModuleName();
  const std::string version_dir = DirectoryOf(arguments_.model_path);
  py::list path = py::module_::import("sys").attr("path");
  if (arguments_.uses_model_file()) {
    path.append(PathText(version_dir));
    path.append(PathText(DirectoryOf(version_dir)));
  } else {
    path.append(PathText(arguments_.runtime_model_dir));
  }
  path.append(PathText(arguments_.python_lib));
  CompleteUtilitiesOnImport(version_dir);
  class_ = py::module_::import(name.c_str()).attr(kModelClass);
}

std::string Model::AutoComplete(const std::string &config_json) {
  if (!py::hasattr(class_, "auto_complete_config")) {
    return config_json;
  }
  const py::object type = ImportUtilities().attr("ModelConfig");
  const py::object completed = class_.attr("auto_complete_config")(type(config_json));
  if (!py::isinstance(completed, type)) {
    throw StubError("auto_complete_config function in model '" + arguments_.name +
                    "' must return a valid pb.ModelConfig object.");
  }
  return Utf8Text(py::module_::import("json").attr("dumps")(completed.attr("_model_config")));
}

void Model::Create() { instance_ = class_(); }

void Model::Initialize(const std::map<std::string, std::string> &args) {
  if (py::hasattr(instance_, "initialize")) {
    py::dict values;
    for (const auto &[key, value] : args) {
      values[py::str(key)] = py::str(value);
    }
    instance_.attr("initialize")(values);
  }
  if (py::hasattr(instance_, "execute")) {
    execute_ = instance_.attr("execute");
  }
}

py::object Model::Execute(const py::list &requests) {
  if (!execute_) {
    throw StubError("Python model " + arguments_.model_path + " does not implement `execute` method.");
  }
  PyObject *result = PyObject_CallOneArg(execute_.ptr(), requests.ptr());
  if (result == nullptr) {
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::object>(result);
}

bool Model::TellsReadiness() const { return py::hasattr(instance_, "is_ready"); }

bool Model::IsReady(EventLoop &loop) {
  if (!instance_) {
    return false; // finalized
  }
  py::object result = instance_.attr("is_ready")();
  if (PyCoro_CheckExact(result.ptr()) != 0) {
    result = loop.RunToEnd(result);
  }
  if (PyBool_Check(result.ptr()) == 0) {
    throw StubError("is_ready() must return a boolean value");
  }
  return result.ptr() == Py_True;
}

void Model::Finalize() {
  if (instance_ && py::hasattr(instance_, "finalize")) {
    instance_.attr("finalize")();
  }
  execute_ = py::object();
  instance_ = py::object();
}

} // namespace mlflow_triton::stub
