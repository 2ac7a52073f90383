"""What the conformance models share; lies beside each model.py in the repository."""

import gc
import json
from typing import Any

import c_python_backend_utils as c_utils
import numpy as np
import triton_python_backend_utils as pb_utils

_CODES = [
    "UNKNOWN",
    "INTERNAL",
    "NOT_FOUND",
    "INVALID_ARG",
    "UNAVAILABLE",
    "UNSUPPORTED",
    "ALREADY_EXISTS",
    "CANCELLED",
]


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


def made_request(call: dict[str, Any], **options: Any) -> Any:
    """The request to another model that a test describes; inputs are `[name, dtype, shape, values]`."""
    inputs = []
    for name, dtype, shape, values in call.get("inputs", []):
        if dtype == "object":
            values = [value.encode("latin-1") for value in values]
        inputs.append(pb_utils.Tensor(name, np.array(values, dtype=dtype).reshape(shape)))
    return pb_utils.InferenceRequest(
        model_name=call["model"],
        requested_output_names=call.get("outputs", ["RESULT"]),
        inputs=inputs,
        **call.get("options", {}),
        **options,
    )


def told(response: Any) -> dict[str, Any]:
    """What a response of another model says, for JSON."""
    outputs = {}
    for tensor in response.output_tensors():
        array = tensor.as_numpy()
        values = [value.decode("latin-1") if isinstance(value, bytes) else value for value in array.ravel().tolist()]
        outputs[tensor.name()] = [str(array.dtype), list(array.shape), values]
    error = response.error()
    assert response.has_error() == (error is not None)
    code = error and next(name for name in _CODES if getattr(pb_utils.TritonError, name) == error.code())
    return {"error": error and error.message(), "code": code, "outputs": outputs}
