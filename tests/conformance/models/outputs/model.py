"""Output arrays and tensors of every kind of memory layout; wrong and missing outputs."""

import numpy as np
import triton_python_backend_utils as pb_utils
from model_helpers import mode, respond


def matrix():
    return np.arange(12, dtype=np.float32).reshape(3, 4)


def read_only():
    array = matrix()
    array.flags.writeable = False
    return array


_ARRAYS = {
    "plain": matrix,
    "strided": lambda: np.arange(48, dtype=np.float32).reshape(6, 8)[::2, ::2],
    "fortran": lambda: np.asfortranarray(matrix()),
    "transposed": lambda: matrix().T,
    "negative": lambda: matrix()[::-1, ::-1],
    "read_only": read_only,
    "broadcast": lambda: np.broadcast_to(np.arange(4, dtype=np.float32), (3, 4)),
    "offset": lambda: np.frombuffer(b"x" + matrix().tobytes(), np.uint8)[1:].view(np.float32).reshape(3, 4),
    "big_endian": lambda: matrix().astype(">f4"),
    "wrong_dtype": lambda: matrix().astype(np.float64),
}


class TritonPythonModel:
    def execute(self, requests):
        if mode(requests[0]) == "shared_tensor":
            shared = pb_utils.Tensor("OUT", matrix())
            return [pb_utils.InferenceResponse([shared]) for _ in requests]
        return [self.answer(request) for request in requests]

    def answer(self, request):
        wanted = mode(request)
        if wanted == "requested":
            return respond(sorted(request.requested_output_names()))
        outputs = {
            "input": lambda: [pb_utils.Tensor("OUT", request.inputs()[0].as_numpy())],
            "input_tensor": lambda: list(request.inputs()),
            "all": lambda: [pb_utils.Tensor("OUT", matrix()), pb_utils.Tensor("MORE", matrix() + 1)],
            "unknown": lambda: [pb_utils.Tensor("OUT", matrix()), pb_utils.Tensor("SURPRISE", matrix())],
            "missing": lambda: [],
        }
        if wanted in outputs:
            return pb_utils.InferenceResponse(output_tensors=outputs[wanted]())
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUT", _ARRAYS[wanted]())])
