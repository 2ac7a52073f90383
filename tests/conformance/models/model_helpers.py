"""What the conformance models share; lies beside each model.py in the repository."""

import gc
import json
from typing import Any

import c_python_backend_utils as c_utils
import numpy as np
import triton_python_backend_utils as pb_utils


def parameters(request: Any) -> dict[str, Any]:
    """The request's parameters."""
    return dict(json.loads(request.parameters()))


def mode(request: Any) -> str:
    """What the test asks for."""
    return str(parameters(request).get("mode", ""))


def result(value: Any) -> Any:
    """The output RESULT: a value as JSON text."""
    return pb_utils.Tensor("RESULT", np.array([json.dumps(value).encode()], dtype=np.object_))


def respond(value: Any) -> Any:
    """A response with the output RESULT."""
    return pb_utils.InferenceResponse([result(value)])


def free_memory() -> int:
    """Free bytes of the region, when nothing that only waits for the garbage collector holds any.

    An exception and its traceback often refer to each other, and with them to the request.
    """
    gc.collect()
    return int(c_utils.shared_memory.free_memory())
