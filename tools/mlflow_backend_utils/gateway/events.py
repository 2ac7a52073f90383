"""Streams: requests to decoupled models, and their pieces as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from mlflow_backend import chat
from mlflow_backend.client import values
from mlflow_backend.client.errors import ClientError
from mlflow_backend.client.interface import Interface
from mlflow_backend.schema import ModelSchema
from mlflow_backend_utils.gateway import replies
from mlflow_backend_utils.gateway.errors import GatewayError
from mlflow_backend_utils.gateway.tensors import Array

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


# What OpenAI's API ends a stream with.
DONE = "data: [DONE]\n\n"


class Question(NamedTuple):
    """A request for pieces.

    Attributes:
        tensors: of the one row.
        params: MLflow's.
        is_wrapped: the body has one of the protocol's forms, and so have the pieces.
        is_stream: the body itself asks for a stream, as clients of OpenAI's API do.
    """

    tensors: dict[str, Array]
    params: dict[str, Any]
    is_wrapped: bool
    is_stream: bool


def read(body: bytes, interface: Interface) -> Question:
    """A request for one row.

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
    if not isinstance(params, dict):
        raise GatewayError("params must be a JSON object.", 400, "BAD_REQUEST")
    found = [form for form in _FORMS if form in document]
    is_stream = not found and document.pop("stream", False) is True
    data = _rows(found[0], document[found[0]]) if found else [_split(document, interface.schema, params)]
    try:
        return Question(values.encode(data, interface), params, bool(found), is_stream)
    except ClientError as error:
        raise GatewayError(str(error), 400, "BAD_REQUEST") from None


def _rows(form: str, data: Any) -> Any:
    if form != "dataframe_split":
        return data
    columns, rows = (data.get(key) if isinstance(data, Mapping) else None for key in ("columns", "data"))
    if not isinstance(columns, list) or any(isinstance(name, (list, dict)) for name in columns):
        raise GatewayError("dataframe_split must have columns, a list of names.", 400, "BAD_REQUEST")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise GatewayError("dataframe_split must have data, a list of rows.", 400, "BAD_REQUEST")
    return [dict(zip(columns, row, strict=False)) for row in rows]


def _split(document: dict[str, Any], schema: ModelSchema, params: dict[str, Any]) -> dict[str, Any]:
    """The document without the model's parameters, which go to `params`."""
    names = {field.source for field in schema.params}
    params.update({name: value for name, value in document.items() if name in names})
    return {name: value for name, value in document.items() if name not in names}


def value(piece: Mapping[str, Array], interface: Interface, is_wrapped: bool) -> Any:
    """One piece in terms of JSON; of a request that was a bare document, a bare document."""
    answer = replies.plain_answer(piece, interface)
    if is_wrapped:
        return answer
    return chat.chunk(answer[0] if isinstance(answer, list) and len(answer) == 1 else answer)


def event(document: Any) -> str:
    """A server-sent event with a JSON text."""
    return f"data: {json.dumps(document)}\n\n"
