"""DLPack: export, import, and what a capsule says."""

import ctypes

import numpy as np
import triton_python_backend_utils as pb_utils
from model_helpers import mode, respond


class _Tensor(ctypes.Structure):
    """DLTensor of DLPack's header, and the manager's fields behind it."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


class Strided:
    """A producer whose capsule names every second row of a matrix."""

    def __init__(self):
        self.base = np.arange(12, dtype=np.float32).reshape(6, 2)

    def __dlpack__(self, stream=None):
        return self.base[::2].__dlpack__()

    def __dlpack_device__(self):
        return (1, 0)


class Elsewhere(Strided):
    """A producer on a device that is neither CPU nor CUDA."""

    def __dlpack_device__(self):
        return (4, 0)


def error_of(call):
    try:
        call()
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        tensor = request.inputs()[0]
        suffix = tensor.name()[2:]
        wanted = mode(request)
        if wanted == "capsule":
            return pb_utils.InferenceResponse([pb_utils.Tensor.from_dlpack("OUT" + suffix, tensor.to_dlpack())])
        if wanted == "object":
            return pb_utils.InferenceResponse([pb_utils.Tensor.from_dlpack("OUT" + suffix, tensor)])
        if wanted == "numpy":
            return pb_utils.InferenceResponse([pb_utils.Tensor("OUT" + suffix, np.from_dlpack(tensor))])
        if wanted == "from_numpy":
            array = tensor.as_numpy()
            return pb_utils.InferenceResponse([pb_utils.Tensor.from_dlpack("OUT" + suffix, array)])
        if wanted == "strided":
            return pb_utils.InferenceResponse([pb_utils.Tensor.from_dlpack("OUT" + suffix, Strided())])
        if wanted == "describe":
            return respond(self.describe(tensor))
        return respond(self.errors(tensor))

    def describe(self, tensor):
        capsule = tensor.to_dlpack()
        raw = _Tensor.from_address(_pointer(capsule, b"dltensor"))
        facts = {
            "name": tensor.name(),
            "shape": tensor.shape(),
            "cpu": tensor.is_cpu(),
            "device": list(tensor.__dlpack_device__()),
            "raw_device": [raw.device_type, raw.device_id],
            "code": raw.code,
            "bits": raw.bits,
            "lanes": raw.lanes,
            "raw_shape": raw.shape[: raw.ndim],
            "strides": bool(raw.strides),
            "byte_offset": raw.byte_offset,
        }
        again = pb_utils.Tensor.from_dlpack("X", capsule)
        facts["used"] = repr(capsule).split('"')[1]
        facts["again"] = again.shape()
        return facts

    def errors(self, tensor):
        return {
            "as_numpy": error_of(tensor.as_numpy),
            "to_dlpack": error_of(tensor.to_dlpack),
            "other_object": error_of(lambda: pb_utils.Tensor.from_dlpack("X", [1, 2])),
            "empty_name": error_of(lambda: pb_utils.Tensor.from_dlpack("", np.zeros(1))),
            "columns": error_of(lambda: pb_utils.Tensor.from_dlpack("X", np.zeros((4, 4))[:, ::2])),
            "device": error_of(lambda: pb_utils.Tensor.from_dlpack("X", Elsewhere())),
            "triton_dtype": error_of(tensor.triton_dtype),
        }
