"""Takes and leaves tensors in GPU memory, with PyTorch, CuPy, or arrays that only say that they lie there.

The last are for the fake driver of the stub's tests, whose device memory is host memory.
"""

import ctypes
import json
import os

import numpy as np
import triton_python_backend_utils as pb_utils
from model_helpers import mode, parameters, respond, result

_CUDA = 2  # kDLCUDA
_FAKE = "MLFLOW_TRITON_STUB_CUDA_LIBRARY" in os.environ

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


class Fake:
    """A host array that says that it is on device 0."""

    alive = 0

    def __init__(self, array):
        self.array = array
        self.streams = []

    def __dlpack_device__(self):
        return (_CUDA, 0)

    def __dlpack__(self, stream=None):
        self.streams.append(stream)
        kept = np.ascontiguousarray(self.array).view(Counted)
        capsule = kept.__dlpack__()
        # DLTensor: the data's address, then the kind of device.
        ctypes.c_int32.from_address(_pointer(capsule, b"dltensor") + 8).value = _CUDA
        return capsule


class Counted(np.ndarray):
    """An array that counts how many of them there are."""

    def __array_finalize__(self, other):
        Fake.alive += 1

    def __del__(self):
        Fake.alive -= 1


def to_device(array):
    if _FAKE:
        return Fake(array)
    try:
        import torch
    except ImportError:
        import cupy

        return cupy.asarray(array)
    return torch.from_numpy(array).cuda()


def to_host(tensor):
    """The data of a pb_utils.Tensor, wherever they are."""
    if tensor.is_cpu():
        return tensor.as_numpy()
    if _FAKE:
        capsule = tensor.to_dlpack()
        address = ctypes.c_void_p.from_address(_pointer(capsule, b"dltensor")).value
        shape = tensor.shape()
        size = int(np.prod(shape))
        data = ctypes.string_at(address, 4 * size) if size else b""
        return np.frombuffer(data, np.float32).reshape(shape).copy()
    try:
        import torch
    except ImportError:
        import cupy

        return cupy.from_dlpack(tensor).get()
    return torch.from_dlpack(tensor).cpu().numpy()


def on_device(name, array):
    return pb_utils.Tensor.from_dlpack(name, to_device(np.asarray(array, np.float32)))


def error_of(call):
    try:
        call()
    except Exception as error:
        return str(error)
    return None


class TritonPythonModel:
    def initialize(self, args):
        self.decoupled = pb_utils.using_decoupled_model_transaction_policy(json.loads(args["model_config"]))

    def execute(self, requests):
        answers = [getattr(self, "do_" + mode(request))(request) for request in requests]
        return None if self.decoupled else answers

    def outputs(self, request):
        array = to_host(request.inputs()[0])
        return [on_device("A", array + 1), on_device("B", array * 2), pb_utils.Tensor("C", array)]

    def do_return(self, request):
        return pb_utils.InferenceResponse(self.outputs(request))

    def do_where(self, request):
        return respond([[tensor.name(), tensor.is_cpu(), to_host(tensor).tolist()] for tensor in request.inputs()])

    def do_send(self, request):
        """`count` responses of a decoupled model, or one."""
        sender = request.get_response_sender()
        for _ in range(parameters(request).get("count", 1)):
            sender.send(pb_utils.InferenceResponse(self.outputs(request)), 0 if self.decoupled else 1)
        if self.decoupled:
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def do_empty(self, request):
        return pb_utils.InferenceResponse([on_device("A", np.zeros((0,)))])

    def do_error(self, request):
        """The only copy there is fails."""
        tensors = self.outputs(request)
        del tensors
        raise pb_utils.TritonModelException("after making tensors")

    def do_describe(self, request):
        source = to_device(np.arange(3, dtype=np.float32))
        tensor = pb_utils.Tensor.from_dlpack("A", source)
        again = pb_utils.Tensor.from_dlpack("B", tensor)
        return respond(
            {
                "cpu": tensor.is_cpu(),
                "device": list(tensor.__dlpack_device__()),
                "as_numpy": error_of(tensor.as_numpy),
                "shape": tensor.shape(),
                "values": to_host(again).tolist(),
                "stream": bool(_FAKE and source.streams[0] > 2) or not _FAKE,
            }
        )

    def do_alive(self, request):
        return respond(Fake.alive)

    def do_ask(self, request):
        """Another model with an input in GPU memory; where its outputs are is the parameter `memory`."""
        memory = {"gpu": pb_utils.TRITONSERVER_MEMORY_GPU, "cpu": pb_utils.TRITONSERVER_MEMORY_CPU}
        wanted = parameters(request).get("memory", "cpu")
        values = json.loads(parameters(request).get("values", "[1, 2]"))
        asked = pb_utils.InferenceRequest(
            model_name=parameters(request)["target"],
            requested_output_names=["A", "C"],
            inputs=[on_device("IN", np.array(values, np.float32))],
            preferred_memory=pb_utils.PreferredMemory(memory[wanted], 0),
            parameters={"mode": "return"},
        )
        answer = asked.exec()
        if answer.has_error():
            return respond({"error": answer.error().message()})
        tensors = answer.output_tensors()
        return pb_utils.InferenceResponse(
            [result({tensor.name(): [tensor.is_cpu(), to_host(tensor).tolist()] for tensor in tensors}), *tensors]
        )
