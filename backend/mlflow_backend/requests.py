"""One request: checked against the schema and decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlflow_backend import codecs, content_types, jsontext
from mlflow_backend.content_types import ContentTypes
from mlflow_backend.errors import RequestError
from mlflow_backend.schema import Field, ModelSchema

Array = codecs.Array


@dataclass(frozen=True)
class DecodedRequest:
    """What a request asks the model.

    Attributes:
        inputs: Triton's tensor name to values; columns have shape (rows,), tensors MLflow's shape.
        rows: rows of the request; 1 for a model without a row axis.
        params: parameters for `predict`, by name; those not given are left out.
        content: in which form the client sends values and wants them.
    """

    inputs: Mapping[str, Array]
    rows: int
    params: Mapping[str, Any]
    content: ContentTypes = ContentTypes()

    def batch_key(self) -> tuple[Any, ...]:
        """Requests with the same key can be stacked: same inputs, row shapes, types and parameters."""
        # The width of NumPy's text types is not part of what a tensor is.
        inputs = tuple(
            (name, value.dtype.kind if value.dtype.kind in "SU" else value.dtype.str, value.shape[1:])
            for name, value in self.inputs.items()
        )
        return inputs, repr(sorted(self.params.items())), self.content.key()


def decode(tensors: Mapping[str, Array], parameters: Mapping[str, Any], schema: ModelSchema) -> DecodedRequest:
    """Check and decode.

    Args:
        tensors: the request's inputs as Triton hands them over; BYTES are object arrays of `bytes`.
        parameters: the request's parameters.

    Raises:
        RequestError: what was sent, what is allowed, what to do.
    """
    content = content_types.read(parameters, schema)
    known = schema.input_names
    extra = [name for name in tensors if name not in known]
    if extra:
        raise RequestError(f"input '{extra[0]}' is unknown; the model's inputs are {', '.join(map(repr, known))}.")
    inputs = {}
    for field in schema.inputs:
        array = tensors.get(field.name)
        if array is not None:
            inputs[field.name] = _decode_input(array, field, content)
        elif not field.optional:
            raise RequestError(f"input '{field.name}' is missing; the model's signature requires it.")
    if not inputs:
        raise RequestError(f"the request has no inputs; the model's are {', '.join(map(repr, known))}.")
    params = _params(tensors, parameters, schema)
    return DecodedRequest(inputs, _rows(inputs, schema), params, content)


def wants_stream(parameters: Mapping[str, Any], request: DecodedRequest, schema: ModelSchema) -> bool:
    """Whether the answer may come in pieces, which the request parameter `stream` tells; yes without it.

    MLflow's chat interfaces have an input of that name, which tells the same.

    Raises:
        RequestError: the parameter is no truth value.
    """
    if "stream" in request.inputs:
        return all(value is not False for value in request.inputs["stream"].ravel().tolist())
    if any(field.name == "stream" for field in schema.params):
        return True
    value = parameters.get("stream", True)
    column = request.inputs.get("stream")
    if column is not None and column.dtype == np.bool_:
        value = bool(column.all())
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise RequestError(f"request parameter 'stream' is {value!r}; send true or false.")
    return value


def _decode_input(array: Array, field: Field, content: ContentTypes) -> Array:
    array = _with_model_shape(array, field)
    try:
        return codecs.decode(array, content.of(field), field.name in content.base64)
    except ValueError as error:
        raise RequestError(f"input '{field.name}' ({field.describe()}): {error}.") from None


def _with_model_shape(array: Array, field: Field) -> Array:
    """The shape that the signature says; [N] and [N, 1] are both a column of N rows."""
    if field.shape == (-1,):
        if array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1):
            return array.reshape(-1)
        allowed = "[N] or [N, 1]"
    else:
        if array.ndim == len(field.shape) and all(
            wanted in (-1, given) for wanted, given in zip(field.shape, array.shape, strict=True)
        ):
            return array
        if field.shape == () and array.size == 1:
            return array.reshape(())
        allowed = str(list(field.shape))
    raise RequestError(
        f"input '{field.name}' has shape {list(array.shape)}, but the signature says {field.describe()}; "
        f"send {allowed}."
    )


def _rows(inputs: Mapping[str, Array], schema: ModelSchema) -> int:
    if not schema.tensors:
        # Of hundreds of columns, names are needed for errors only.
        lengths = set(map(len, inputs.values()))
        if len(lengths) == 1 and 0 not in lengths:
            return lengths.pop()
    counts = {field.name: len(inputs[field.name]) for field in schema.inputs if field.has_rows and field.name in inputs}
    if not counts:
        return 1
    first, rows = next(iter(counts.items()))
    for name, count in counts.items():
        # Tensors of an unbatched model may each have an own leading axis.
        if count != rows and not schema.tensors:
            raise RequestError(f"input '{name}' has {count} rows and '{first}' {rows}; send as many of each.")
    if rows == 0:
        raise RequestError(f"input '{first}' has 0 rows; send at least one.")
    return rows


def _params(tensors: Mapping[str, Array], parameters: Mapping[str, Any], schema: ModelSchema) -> dict[str, Any]:
    if not schema.params:
        return {}
    given = _json_params(parameters, schema)
    params = {}
    for field in schema.params:
        if field in schema.param_inputs and field.name in tensors:
            params[field.name] = _param_from_tensor(tensors[field.name], field)
        elif field.name in parameters:
            params[field.name] = _param_from_value(parameters[field.name], field)
        elif field.name in given:
            params[field.name] = given[field.name]
    return params


def _json_params(parameters: Mapping[str, Any], schema: ModelSchema) -> Mapping[str, Any]:
    """The request parameter `params`: all of the model's parameters as one JSON object, for clients that can send no
    doubles or lists otherwise."""
    text = parameters.get("params")
    if text is None or any(field.name == "params" for field in schema.params):
        return {}
    try:
        given = jsontext.loads(text) if isinstance(text, str) else text
    except ValueError as error:
        raise RequestError(f"request parameter 'params' is not JSON: {error}.") from None
    if not isinstance(given, dict):
        raise RequestError("request parameter 'params' is not a JSON object; send {\"name\": value, …}.")
    return given


def _param_from_tensor(array: Array, field: Field) -> Any:
    """Batched models send a parameter once a row, and all rows must agree."""
    try:
        values = codecs.decode(array, field, base64_text=False)
    except ValueError as error:
        raise RequestError(f"parameter '{field.name}' ({field.describe()}): {error}.") from None
    is_list = field.shape == (-1,)
    rows = values.reshape(-1, values.shape[-1]).tolist() if is_list and values.ndim else values.reshape(-1).tolist()
    if not rows:
        raise RequestError(f"parameter '{field.name}' is empty; send a value or leave it out.")
    if any(repr(row) != repr(rows[0]) for row in rows):
        raise RequestError(f"parameter '{field.name}' differs between rows; send one value for the whole request.")
    return rows[0]


def _param_from_value(value: Any, field: Field) -> Any:
    """A request parameter is a boolean, integer, double or text; other types travel as JSON text."""
    if not isinstance(value, str) or (field.carrier.codec in ("string", "datetime") and not field.shape):
        return value
    try:
        return jsontext.loads(value)
    except ValueError as error:
        raise RequestError(
            f"request parameter '{field.name}' is '{value[:80]}', but the signature says {field.describe()}; "
            f"send it as JSON text: {error}."
        ) from None


def stack(requests: list[DecodedRequest]) -> DecodedRequest:
    """One request with the rows of all; they have the same `batch_key`."""
    if len(requests) == 1:
        return requests[0]
    first = requests[0]
    inputs = {name: np.concatenate([request.inputs[name] for request in requests]) for name in first.inputs}
    return DecodedRequest(inputs, sum(request.rows for request in requests), first.params, first.content)
