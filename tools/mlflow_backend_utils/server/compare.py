"""Fits a model's own inputs and outputs to what a server declares, and compares answers exactly."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
from tritonclient.utils import triton_to_np_dtype

from mlflow_backend_utils.server.clients import Array, TensorInfo, datatype_of
from mlflow_backend_utils.server.reference import Tensor


class MismatchError(Exception):
    """An answer is not what MLflow answers; the text says where."""


def match(tensors: Sequence[Tensor], infos: Sequence[TensorInfo], what: str) -> list[tuple[Tensor, TensorInfo]]:
    """Pair a model's tensors with the server's: by name where the names agree, else in order.

    Args:
      tensors: what pyfunc takes or gives.
      infos: what the server declares.
      what: "inputs" or "outputs", for messages.

    Raises:
      MismatchError: they do not go together.
    """
    by_name = {info.name: info for info in infos}
    if all(tensor.name in by_name for tensor in tensors):
        return [(tensor, by_name[tensor.name]) for tensor in tensors]
    required = [info for info in infos if not info.optional]
    if len(required) == len(tensors):
        return list(zip(tensors, required, strict=True))
    raise MismatchError(
        f"{what}: the model has {[tensor.name for tensor in tensors]}, the server {[info.name for info in infos]}"
    )


def to_server(tensor: Tensor, info: TensorInfo) -> Array:
    """The array a client sends for a model's input: the server's type, and its shape.

    A number changes its type only to what the signature says, as MLflow itself would change it.
    """
    array = tensor.array
    if tensor.kind == "number":
        wanted: np.dtype[Any] = np.dtype(triton_to_np_dtype(info.datatype))
        array = array.astype(wanted, casting="same_kind")
    if array.ndim == len(info.shape):
        return np.ascontiguousarray(array)
    rows = array.shape[0] if array.ndim else 1
    rest = list(info.shape[1:])
    if -1 in rest:
        raise MismatchError(f"input {info.name!r}: shape {list(array.shape)} does not fit {list(info.shape)}")
    return np.ascontiguousarray(array.reshape([rows, *rest]))


def to_client_inputs(inputs: Sequence[Tensor], infos: Sequence[TensorInfo]) -> dict[str, Array]:
    """What a client sends for a model's inputs, by name."""
    return {info.name: to_server(tensor, info) for tensor, info in match(inputs, infos, "inputs")}


def check_outputs(
    expected: Sequence[Tensor], infos: Sequence[TensorInfo], actual: Mapping[str, Array], volatile: Container[str] = ()
) -> None:
    """Compare an answer with MLflow's: the same types and, bit for bit, the same values.

    Args:
      expected: MLflow's outputs.
      infos: the outputs the server declares.
      actual: the outputs it gave, by name.
      volatile: outputs of which only type and shape are compared.

    Raises:
      MismatchError: they differ.
    """
    for tensor, info in match(expected, infos, "outputs"):
        got = actual[info.name]
        if datatype_of(got) != info.datatype:
            raise MismatchError(f"output {info.name!r} is {datatype_of(got)}, declared is {info.datatype}")
        if tensor.array.shape == got.shape[:1] == (0,):
            continue  # an empty list has neither type nor further axes
        if tensor.kind == "number" and datatype_of(tensor.array) != info.datatype:
            raise MismatchError(f"output {info.name!r} is {info.datatype}, MLflow gives {tensor.array.dtype}")
        wanted_shape, got_shape = tensor.array.shape or (1,), got.shape
        if wanted_shape != got_shape and (*wanted_shape, 1) != got_shape:
            raise MismatchError(f"output {info.name!r} has shape {list(got_shape)}, MLflow gives {list(wanted_shape)}")
        wanted = tensor.array.reshape(got_shape)
        if info.name not in volatile and not _equal(tensor.kind, wanted, got):
            raise MismatchError(f"output {info.name!r} differs: got {_head(got)}, MLflow gives {_head(wanted)}")


def _equal(kind: str, wanted: Array, got: Array) -> bool:
    if kind == "number":
        return np.array_equal(wanted, got, equal_nan=wanted.dtype.kind == "f")
    # JSON answers hold text, binary ones bytes.
    texts = [cell if isinstance(cell, bytes) else str(cell).encode() for cell in got.flat]
    cells = list(zip(wanted.flat, texts, strict=True))
    if kind == "datetime":
        return all(_time(a) == _time(b) or (np.isnat(_time(a)) and np.isnat(_time(b))) for a, b in cells)
    if kind == "json":
        return all(json.loads(a) == json.loads(b) for a, b in cells)
    return all(a == b for a, b in cells)


def _time(text: bytes) -> np.datetime64:
    return np.datetime64(text.decode(), "ns")


def _head(array: Array) -> list[Any]:
    return list(array.ravel()[:5].tolist())
