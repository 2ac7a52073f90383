#include "stub/python/model_control.h"

#include <map>

#include "stub/error.h"
#include "stub/ipc/helper_reply.h"
#include "stub/shm/dictionary.h"

namespace mlflow_triton::stub {
namespace {

/// What a load, unload or readiness message says (spec section 3.18).
struct ModelRequest {
  std::string name;
  std::string version;
  bool unload_dependents = false;
  std::string config;
  std::map<std::string, std::string> files;
};

bool Call(Command command, const std::string &prefix, const ModelRequest &request) {
  py::gil_scoped_release without_gil;
  return CallModelControl(CurrentContext(), command, prefix, [&request](ChunkSet &chunks, Region::Lock &lock) {
    ModelLoaderShm fields{};
    fields.name = chunks.AllocateText(lock, request.name);
    fields.version = chunks.AllocateText(lock, request.version);
    fields.unload_dependents = request.unload_dependents ? 1 : 0;
    fields.config = chunks.AllocateText(lock, request.config);
    fields.files = AllocateDictionary(chunks, lock, request.files);
    const Handle handle = chunks.Allocate(lock, sizeof(fields));
    *chunks.region().As<ModelLoaderShm>(handle) = fields;
    return handle;
  });
}

std::map<std::string, std::string> FilesOf(const std::string &model, const py::object &files) {
  std::map<std::string, std::string> contents;
  if (files.is_none()) {
    return contents;
  }
  const std::string problem =
      "failed to load model '" + model + "', files should be a dictionary of file paths and file contents";
  if (!py::isinstance<py::dict>(files)) {
    throw StubError(problem);
  }
  for (const auto &[path, content] : py::reinterpret_borrow<py::dict>(files)) {
    if (!py::isinstance<py::str>(path) || !py::isinstance<py::bytes>(content)) {
      throw StubError(problem);
    }
    contents[path.cast<std::string>()] = content.cast<std::string>();
  }
  return contents;
}

} // namespace

void DefineModelControl(py::module_ &module) {
  module.def(
      "load_model",
      [](const std::string &name, const std::string &config, const py::object &files) {
        Call(Command::kLoadModelRequest, "Failed to load model: ", {name, "", false, config, FilesOf(name, files)});
      },
      py::arg("model_name"), py::arg("config") = "", py::arg("files") = py::none());
  module.def(
      "unload_model",
      [](const std::string &name, bool unload_dependents) {
        Call(Command::kUnloadModelRequest, "Failed to unload model: ", {name, "", unload_dependents, "", {}});
      },
      py::arg("model_name"), py::arg("unload_dependents") = false);
  module.def(
      "is_model_ready",
      [](const std::string &name, const std::string &version) {
        return Call(Command::kModelReadinessRequest,
                    "Failed to check model readiness: ", {name, version, false, "", {}});
      },
      py::arg("model_name"), py::arg("model_version") = "");
}

} // namespace mlflow_triton::stub
