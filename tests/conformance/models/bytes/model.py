"""BYTES tensors, in and out."""

import numpy as np
import triton_python_backend_utils as pb_utils
from model_helpers import free_memory, mode, parameters, respond


class Printed:
    """Becomes its text."""

    def __str__(self):
        return "printed é"


_ARRAYS = {
    "fixed": lambda: np.array([b"abc", b"d", b"", b"e\0\0"], dtype="S5"),
    "fixed_matrix": lambda: np.array([[b"a", b"bb"], [b"ccc", b""]], dtype="S3"),
    "mixed": lambda: np.array([1, 2.5, None, "é", b"\xff\0", True, Printed()], dtype=np.object_),
    "empty": lambda: np.array([], dtype=np.object_),
    "empty_fixed": lambda: np.array([], dtype="S4"),
    "unicode": lambda: np.array(["a", "b"]),
}


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        wanted = mode(request)
        if wanted == "free":
            return respond(free_memory())
        tensor = pb_utils.get_input_tensor_by_name(request, "DATA")
        if wanted == "describe":
            array = tensor.as_numpy()
            return respond(
                {
                    "dtype": str(array.dtype),
                    "shape": array.shape,
                    "elements": [[type(one).__name__, one.hex()] for one in array.ravel()],
                }
            )
        if wanted == "echo":
            array = tensor.as_numpy()
        elif wanted == "many":
            count = parameters(request)["count"]
            array = np.array([b"%d" % number for number in range(count)], dtype=np.object_)
        elif wanted == "forward":
            return pb_utils.InferenceResponse([pb_utils.Tensor("OUT", tensor.as_numpy()[::-1])])
        else:
            array = _ARRAYS[wanted]()
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUT", array)])
