"""Requests and answers of Triton's gRPC protocol, in terms of NumPy arrays.

tritonclient's own classes take longer for a small request than the server does to answer it; its generated messages
are used as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tritonclient.grpc import service_pb2
from tritonclient.utils import deserialize_bytes_tensor, triton_to_np_dtype

Array = np.ndarray[Any, np.dtype[Any]]

_DATATYPES = {
    **{np.dtype(f"int{bits}"): f"INT{bits}" for bits in (8, 16, 32, 64)},
    **{np.dtype(f"uint{bits}"): f"UINT{bits}" for bits in (8, 16, 32, 64)},
    **{np.dtype(f"float{bits}"): f"FP{bits}" for bits in (16, 32, 64)},
    np.dtype(bool): "BOOL",
    np.dtype(object): "BYTES",
}


def datatype(array: Array) -> str:
    """Triton's name of an array's type; object arrays hold `bytes`."""
    return _DATATYPES[array.dtype]


def raw(array: Array) -> bytes:
    """An array as it travels: C order, little-endian; BYTES with a 4-byte length before each."""
    if array.dtype != object:
        return array.tobytes()
    pack = struct.Struct("<I").pack
    return b"".join(piece for cell in array.ravel().tolist() for piece in (pack(len(cell)), cell))


def raw_size(array: Array) -> int:
    """Length of `raw`."""
    if array.dtype != object:
        return array.nbytes
    return sum(4 + len(cell) for cell in array.ravel().tolist())


def request(model: str, version: str, tensors: Mapping[str, Array], parameters: Mapping[str, Any]) -> Any:
    """A `ModelInferRequest` with its tensors in it."""
    message = header(model, version, parameters)
    for name, array in tensors.items():
        message.inputs.add(name=name, datatype=datatype(array), shape=array.shape)
        message.raw_input_contents.append(raw(array))
    return message


def header(model: str, version: str, parameters: Mapping[str, Any]) -> Any:
    """A `ModelInferRequest` without tensors."""
    message = service_pb2.ModelInferRequest(model_name=model, model_version=version)  # type: ignore[attr-defined]
    for key, value in parameters.items():
        field = "bool_param" if isinstance(value, bool) else "int64_param" if isinstance(value, int) else "string_param"
        setattr(message.parameters[key], field, value)
    return message


def split(tensors: Mapping[str, Array], most_rows: int) -> list[dict[str, Array]]:
    """A request in parts that a model's max_batch_size allows.

    Args:
        tensors: with the rows first.
        most_rows: rows of a part; 0: the tensors have no such axis, and stay together.
    """
    rows = max((len(array) for array in tensors.values()), default=0) if most_rows else 0
    if rows <= most_rows:
        return [dict(tensors)]
    return [
        {name: array[start : start + most_rows] for name, array in tensors.items()}
        for start in range(0, rows, most_rows)
    ]


def join(answers: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """The answer to a request from those to its parts."""
    return {name: np.concatenate([part[name] for part in answers]) for name in answers[0]}


def answer(response: Any) -> dict[str, Array]:
    """The tensors of a `ModelInferResponse`."""
    found = {}
    for output, content in zip(response.outputs, response.raw_output_contents, strict=True):
        shape = tuple(output.shape)
        if output.datatype == "BYTES":
            array = deserialize_bytes_tensor(content)
        else:
            array = np.frombuffer(content, triton_to_np_dtype(output.datatype))
        found[output.name] = array.reshape(shape)
    return found
