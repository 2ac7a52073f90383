"""Streams: requests to decoupled models, and their pieces as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlflow_backend.client import values
from mlflow_backend.client.errors import ClientError
from mlflow_backend.client.interface import Interface
from mlflow_backend.schema import ModelSchema
from mlflow_backend_utils.gateway import replies
from mlflow_backend_utils.gateway.errors import GatewayError
from mlflow_backend_utils.gateway.tensors import Array

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def read(body: bytes, interface: Interface) -> tuple[dict[str, Array], dict[str, Any]]:
    """The tensors and params of a request for one row.

    The body is one of the scoring protocol's forms, or the bare document of a chat or completion request.

    Raises:
        GatewayError: the body is neither, or does not fit the model's inputs.
    """
    try:
        document = json.loads(body)
    except ValueError as error:
        raise GatewayError(f"the body is not JSON: {error}.", 400, "BAD_REQUEST") from None
    if not isinstance(document, dict):
        raise GatewayError("the body must be a JSON object.", 400, "BAD_REQUEST")
    params = document.pop("params", None) or {}
    found = [form for form in _FORMS if form in document]
    data = _rows(document[found[0]]) if found else [_split(document, interface.schema, params)]
    try:
        return values.encode(data, interface), params
    except ClientError as error:
        raise GatewayError(str(error), 400, "BAD_REQUEST") from None


def _rows(data: Any) -> Any:
    if isinstance(data, Mapping) and "data" in data and "columns" in data:
        return [dict(zip(data["columns"], row, strict=False)) for row in data["data"]]
    return data


def _split(document: dict[str, Any], schema: ModelSchema, params: dict[str, Any]) -> dict[str, Any]:
    """The document without the model's parameters, which go to `params`."""
    names = {field.source for field in schema.params}
    params.update({name: value for name, value in document.items() if name in names})
    return {name: value for name, value in document.items() if name not in names}


def value(piece: Mapping[str, Array], interface: Interface) -> Any:
    """One piece in terms of JSON."""
    return replies.plain_answer(piece, interface)


def event(document: Any) -> str:
    """A server-sent event with a JSON text."""
    return f"data: {json.dumps(document)}\n\n"
