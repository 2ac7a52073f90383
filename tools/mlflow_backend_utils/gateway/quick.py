"""The common requests, parsed straight into tensors.

MLflow's own parser goes through pandas, which takes longer than all the rest of a small request. What is read here is
only what gives exactly the tensors that MLflow's parser and enforcement would give: well-formed JSON of the four forms,
with values of the very kinds that the signature names. Of everything else `parse` makes None, and MLflow's code decides
(exact.py), errors included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard, TypeVar

import numpy as np
import orjson

from mlflow_backend.client.interface import Interface
from mlflow_backend.schema import Field
from mlflow_backend_utils.gateway.tensors import Array

Kind = TypeVar("Kind")

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def parse(body: bytes, interface: Interface) -> dict[str, Array] | None:
    """The tensors of a JSON body for `/invocations`; None: MLflow's own parser has to look at it."""
    model = interface.metadata
    if model is None or model.from_type_hints or interface.decoupled:
        return None
    try:
        document = orjson.loads(body)
    except ValueError:
        return None
    if not isinstance(document, dict) or len(document) != 1:
        return None
    ((form, data),) = document.items()
    if form not in _FORMS:
        return None
    inputs = interface.schema.inputs
    if any(field.kind == "tensor" for field in inputs):
        found = _tensors(data, inputs) if form in ("instances", "inputs") else None
    else:
        columns = _COLUMNS[form](data) if all(field.source is not None for field in inputs) else None
        found = None if columns is None else _of_columns(columns, inputs)
    if found is None or not interface.batched:
        return found
    return {name: array.reshape(-1, 1) if array.ndim == 1 else array for name, array in found.items()}


def _split(data: Any) -> dict[str, Sequence[Any]] | None:
    if not isinstance(data, dict) or not data.keys() <= {"columns", "data", "index"}:
        return None
    names, rows, index = data.get("columns"), data.get("data"), data.get("index")
    if not _is_list_of(names, str) or not _is_list_of(rows, list) or len(set(names)) != len(names):
        return None
    if index is not None and not (isinstance(index, list) and len(index) == len(rows)):
        return None
    if any(len(row) != len(names) for row in rows):
        return None
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _records(data: Any) -> dict[str, Sequence[Any]] | None:
    if not _is_list_of(data, dict):
        return None
    keys = data[0].keys()
    if any(row.keys() != keys for row in data):
        return None
    return {name: [row[name] for row in data] for name in keys}


def _instances(data: Any) -> dict[str, Sequence[Any]] | None:
    return _records(data)


def _inputs(data: Any) -> dict[str, Sequence[Any]] | None:
    if isinstance(data, list):
        return _records(data)
    if not isinstance(data, dict) or not all(_is_filled_list(values) for values in data.values()):
        return None
    return data if len({len(values) for values in data.values()}) == 1 else None


_COLUMNS: Mapping[str, Callable[[Any], dict[str, Sequence[Any]] | None]] = {
    "dataframe_records": _records,
    "dataframe_split": _split,
    "inputs": _inputs,
    "instances": _instances,
}


def _is_filled_list(values: Any) -> TypeGuard[list[Any]]:
    return isinstance(values, list) and bool(values)


def _is_list_of(values: Any, kind: type[Kind]) -> TypeGuard[list[Kind]]:
    return _is_filled_list(values) and all(type(value) is kind for value in values)


def _of_columns(columns: Mapping[str, Sequence[Any]], fields: Sequence[Field]) -> dict[str, Array] | None:
    found = {}
    for field in fields:
        values = columns.get(str(field.source))
        if values is None:
            if not field.optional:
                return None
            continue
        array = _column(values, str(field.spec.get("type")))
        if array is None:
            return None
        found[field.name] = array
    return found if len(found) == len(columns) else None


# Column type -> kinds of JSON values that become it without any doubt.
_KINDS: Mapping[str, tuple[frozenset[type], type]] = {
    "boolean": (frozenset({bool}), np.bool_),
    "integer": (frozenset({int}), np.int32),
    "long": (frozenset({int}), np.int64),
    "float": (frozenset({int, float}), np.float32),
    "double": (frozenset({int, float}), np.float64),
}

# Column type -> size of the integers that become it without rounding, or rounded in one way only.
_LIMITS = {"integer": 2**31, "float": 2**53}


def _column(values: Sequence[Any], kind: str) -> Array | None:
    seen = set(map(type, values))
    if kind == "string":
        return _texts(values) if seen == {str} else None
    if kind not in _KINDS:
        return None
    allowed, dtype = _KINDS[kind]
    if not seen <= allowed:
        return None
    try:
        # A column of integers is int64 to pandas first, and one of both kinds float64.
        natural = (
            np.array(values, np.int64) if seen == {int} else np.array(values, np.float64 if float in seen else dtype)
        )
    except OverflowError:
        return None
    if natural.dtype == np.int64 and kind in _LIMITS:
        limit = _LIMITS[kind]
        if not -limit <= natural.min() <= natural.max() < limit:
            return None
    return natural.astype(dtype)


def _texts(values: Sequence[str]) -> Array:
    array = np.empty(len(values), object)
    array[:] = [value.encode() for value in values]
    return array


def _tensors(data: Any, fields: Sequence[Field]) -> dict[str, Array] | None:
    if len(fields) == 1 and fields[0].source is None:
        array = _tensor(data, fields[0])
        return None if array is None else {fields[0].name: array}
    if not isinstance(data, dict) or data.keys() != {field.source for field in fields}:
        return None
    found = {field.name: _tensor(data[str(field.source)], field) for field in fields}
    return None if any(array is None for array in found.values()) else {k: v for k, v in found.items() if v is not None}


# Kind of NumPy type -> kinds of natural arrays that become it without any doubt.
_CASTS = {"b": "b", "i": "i", "u": "i", "f": "if"}


def _tensor(data: Any, field: Field) -> Array | None:
    if not _is_filled_list(data) or field.carrier.codec != "plain":
        return None
    dtype = np.dtype(field.carrier.numpy)
    try:
        natural = np.array(data)
        if natural.dtype.kind not in _CASTS[dtype.kind] or _mixes_booleans(data, natural):
            return None
        array = np.array(data, dtype)
    except (OverflowError, TypeError, ValueError):
        return None
    shape = field.shape
    fits = array.ndim == len(shape) and all(want in (-1, got) for want, got in zip(shape, array.shape, strict=True))
    return array if fits else None


def _mixes_booleans(data: Any, natural: Array) -> bool:
    """Whether booleans hide among the numbers of the first axis; deeper ones are left to the array's own kind."""
    return natural.dtype.kind != "b" and natural.ndim == 1 and bool in set(map(type, data))
