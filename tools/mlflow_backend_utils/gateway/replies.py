"""Answers of a model as the scoring protocol writes them."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Mapping
from typing import Any

from mlflow_backend import codecs, forms
from mlflow_backend.client import values
from mlflow_backend.client.interface import Interface
from mlflow_backend.schema import Field
from mlflow_backend_utils.gateway.tensors import Array


def plain_answer(tensors: Mapping[str, Array], interface: Interface) -> Any:
    """What the model returned, in terms of lists, dicts and values that MLflow's encoder knows."""
    columns = [
        (field, _cells(values.shaped(tensors[field.name], field), field))
        for field in interface.schema.outputs
        if field.name in tensors
    ]
    return forms.rebuild(values.form_of(tensors, interface), columns)


def predictions(tensors: Mapping[str, Array], interface: Interface) -> bytes:
    """The body of the answer to a request in one of the four JSON forms, byte for byte as MLflow's server writes it."""
    return json.dumps({"predictions": plain_answer(tensors, interface)}, default=_plain).encode()


def _cells(array: Array, field: Field) -> list[Any]:
    codec = field.carrier.codec
    if codec == "plain":
        return list(array.tolist())
    if codec == "datetime":
        # Times travel as MLflow writes them.
        return [cell.decode() for cell in array.tolist()]
    return list(codecs.decode(array, field, False).tolist())


def _plain(value: Any) -> Any:
    """What JSON has no form for, as MLflow's NumpyEncoder writes it."""
    if isinstance(value, (bytes, bytearray)):
        return base64.encodebytes(value).decode("ascii")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
