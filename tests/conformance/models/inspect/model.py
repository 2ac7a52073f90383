"""Tells what the stub gave it: at import, in `initialize` and in `execute`."""

import os
import sys

import triton_python_backend_utils as pb_utils
from model_helpers import respond

IMPORTED = {
    "name": __name__,
    "file": __file__,
    "argv": sys.argv,
    "path": list(sys.path),
    "directory": os.getcwd(),
    "library_path": os.environ.get("LD_LIBRARY_PATH"),
    "api_at_import": hasattr(pb_utils, "Tensor"),
}
_API = [
    "InferenceRequest",
    "InferenceResponse",
    "Logger",
    "MetricFamily",
    "PreferredMemory",
    "TRITONSERVER_MEMORY_CPU",
    "TRITONSERVER_MEMORY_GPU",
    "Tensor",
    "TritonError",
    "TritonModelException",
    "get_model_dir",
    "is_model_ready",
    "load_model",
    "unload_model",
]


class TritonPythonModel:
    def initialize(self, args):
        self.args = args

    def execute(self, requests):
        import numpy

        facts = {
            **IMPORTED,
            "args": self.args,
            "model_dir": pb_utils.get_model_dir(),
            "executable": os.readlink("/proc/self/exe"),
            "pid": os.getpid(),
            "prefix": sys.prefix,
            "numpy": numpy.__version__,
            "python": list(sys.version_info[:2]),
            "missing_api": [name for name in _API if not hasattr(pb_utils, name)],
            "error_module": pb_utils.TritonModelException.__module__,
        }
        return [respond(facts) for _ in requests]
