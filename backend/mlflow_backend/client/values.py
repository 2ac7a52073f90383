"""From a caller's data to tensors, and from tensors to what the signature says; the backend's own codecs, mirrored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlflow_backend import answers, codecs, forms, jsontext, schema
from mlflow_backend.client.errors import ClientError, InputError
from mlflow_backend.client.interface import Interface
from mlflow_backend.errors import BackendError
from mlflow_backend.schema import Field

Array = codecs.Array


def encode(data: Any, interface: Interface) -> dict[str, Array]:
    """Triton's tensors for whatever pyfunc takes; optional columns may be left out.

    Raises:
        InputError: the data does not fit the inputs; names both.
    """
    fields = _given(data, interface.schema.inputs)
    try:
        return answers.encode(_by_position(data, fields), fields, interface.batched, ())
    except (BackendError, ValueError) as error:
        raise InputError(_of_input(str(error))) from None


def encode_named(values: Mapping[str, Any], interface: Interface) -> dict[str, Array]:
    """Triton's tensors for values by input name, parameters among them.

    Raises:
        InputError: a name is unknown or missing, or a value does not fit.
    """
    known = {field.name: field for field in interface.inputs}
    unknown = [name for name in values if name not in known]
    if unknown:
        raise InputError(f"input '{unknown[0]}' is unknown; the model's inputs are {', '.join(map(repr, known))}.")
    missing = [name for name, field in known.items() if not field.optional and name not in values]
    if missing:
        raise InputError(f"input '{missing[0]}' is missing; the model requires it.")
    tensors: dict[str, Array] = {}
    rows = 1
    for name, value in values.items():
        field = known[name]
        if field.kind != "param":
            tensors[name] = _one(value, field, interface.batched)
            rows = len(tensors[name]) if interface.batched and field.has_rows else rows
    for name, value in values.items():
        if known[name].kind == "param":
            tensors[name] = _param(value, known[name], rows if interface.batched else 0)
    return tensors


def params_text(params: Mapping[str, Any]) -> str:
    """The request parameter `params`: all of them as one JSON object.

    Raises:
        InputError: a value has no JSON form.
    """
    try:
        return jsontext.dumps(params)
    except TypeError as error:
        raise InputError(f"the params cannot be sent: {error}.") from None


def decode(tensors: Mapping[str, Array], interface: Interface) -> Any:
    """What the signature says of an answer: a DataFrame for named columns, an array, or a dict of arrays.

    Outputs that are not there, of a piece of a stream, are left out.

    Raises:
        ClientError: the answer does not fit the model's outputs.
    """
    fields = [field for field in interface.schema.outputs if field.name in tensors]
    values = {field.name: _decoded(tensors[field.name], field) for field in fields}
    if all(field.kind == "tensor" for field in fields):
        if len(fields) == 1 and interface.schema.outputs[0].source is None:
            return values[fields[0].name]
        return {field.source or field.name: values[field.name] for field in fields}
    if len(fields) == 1 and fields[0].source is None:
        return values[fields[0].name]
    import pandas as pd

    columns = {}
    for field in fields:
        # What may be anything is not text because all of its rows happen to be: pandas 3 would make NaN of None.
        dtype = object if field.carrier.codec == "json" else None
        columns[field.source or field.name] = pd.Series(values[field.name], dtype=dtype)
    return pd.DataFrame(columns)


def form_of(tensors: Mapping[str, Array], interface: Interface) -> Any:
    """The form of an answer, as `forms.rebuild` wants it."""
    told, outputs = tensors.get(schema.ANSWER_FORM.name), interface.schema.outputs
    if told is not None and told.size:
        return json.loads(told.flat[0])
    if interface.metadata is not None and interface.metadata.is_chat:
        return forms.of_document([field for field in outputs if field.name in tensors])
    return forms.of_signature(outputs)


def shaped(array: Array, field: Field) -> Array:
    """One axis where MLflow knows one; Triton says [N, 1]."""
    return array.reshape(-1) if field.shape == (-1,) else array


def holds_names(data: Any) -> bool:
    """Whether the data says which input each of its parts is: a DataFrame, a mapping, a list of mappings."""
    return _names(data) is not None


def _names(data: Any) -> list[Any] | None:
    if hasattr(data, "columns"):
        return list(data.columns)
    if isinstance(data, Mapping):
        return list(data)
    if isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):
        return list(dict.fromkeys(name for row in data for name in row))
    return None


def _given(data: Any, fields: Sequence[Field]) -> Sequence[Field]:
    """The inputs that named data has, and all that are required."""
    names = _names(data)
    if names is None or all(field.source is None for field in fields):
        return fields
    # A document can be the one value of the one input.
    if len(fields) == 1 and fields[0].carrier.codec == "json" and fields[0].source not in names:
        return fields
    missing = [field.name for field in fields if field.source not in names and not field.optional]
    if missing:
        raise InputError(f"input '{missing[0]}' is missing; the data has {sorted(map(str, names))}.")
    return [field for field in fields if field.source in names or not field.optional]


def _by_position(data: Any, fields: Sequence[Field]) -> Any:
    """A tuple of columns of a list of rows, where rows are sequences; other data as it is."""
    if len(fields) < 2 or not isinstance(data, list) or not all(isinstance(row, (list, tuple)) for row in data):
        return data
    uneven = [len(row) for row in data if len(row) != len(fields)]
    if uneven:
        raise ValueError(f"the data has a row of {uneven[0]} values, but the model has {len(fields)} inputs.")
    return tuple(list(column) for column in zip(*data, strict=True)) if data else tuple([] for _ in fields)


def _of_input(text: str) -> str:
    """The backend's words for a model's answer, said of a caller's data."""
    for theirs, ours in (
        ("output '", "input '"),
        ("the model returned", "the data has"),
        ("a row of the answer", "a row of the data"),
        ("the signature's outputs", "the model's inputs"),
        ("; save the model with a signature inferred from what it returns", ""),
    ):
        text = text.replace(theirs, ours)
    return text


def _decoded(array: Array, field: Field) -> Array:
    try:
        return codecs.decode(shaped(array, field), field, False)
    except ValueError as error:
        raise ClientError(f"output '{field.name}' ({field.describe()}): {error}.") from None


def _one(value: Any, field: Field, batched: bool) -> Array:
    if field.kind == "column" and np.ndim(value) == 0 and not hasattr(value, "__len__"):
        value = [value]
    try:
        return answers.encode({field.source: value} if field.source is not None else value, [field], batched, ())[
            field.name
        ]
    except (BackendError, ValueError) as error:
        raise InputError(_of_input(str(error))) from None


def _param(value: Any, field: Field, rows: int) -> Array:
    """A parameter is sent once a row of a batched model."""
    try:
        array = codecs.encode(np.array(value, dtype=object).reshape(-1), field, False)
    except (ValueError, TypeError) as error:
        raise InputError(f"parameter '{field.name}' ({field.describe()}): {error}.") from None
    return np.broadcast_to(array, (rows, *array.shape)).copy() if rows else array
