"""Turns a model's saved input example into a request that a person can send."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from mlflow_backend_utils.server.clients import ModelInfo


def example_columns(serving_example: dict[str, Any]) -> dict[str, list[Any]] | None:
    """The first row of a model's `serving_input_example.json`, a list of one cell for each column.

    Columns are named as the model names them, "" when it does not. None when the example has another form.
    """
    if "dataframe_split" in serving_example:
        split = serving_example["dataframe_split"]
        return {str(name): [split["data"][0][position]] for position, name in enumerate(split["columns"])}
    inputs = serving_example.get("inputs")
    if isinstance(inputs, dict):
        return {str(name): value[:1] for name, value in inputs.items() if isinstance(value, list)}
    return {"": inputs[:1]} if isinstance(inputs, list) else None


def _flat(value: Any) -> list[Any]:
    return [cell for item in value for cell in _flat(item)] if isinstance(value, list) else [value]


def request_body(info: ModelInfo, serving_example: dict[str, Any]) -> dict[str, Any] | None:
    """A V2 request for the first row of a model's input example; None when it cannot be expressed as tensors."""
    columns = example_columns(serving_example)
    if not columns:
        return None
    required = [tensor for tensor in info.inputs if not tensor.optional]
    names = {tensor.name for tensor in required}
    pairs = [(tensor, columns[tensor.name]) for tensor in required if tensor.name in columns]
    if not names <= set(columns):
        if len(required) != len(columns):
            return None
        pairs = list(zip(required, columns.values(), strict=True))
    inputs = []
    for tensor, value in pairs:
        cells = _flat(value)
        shape = [len(value) if size == -1 and axis == 0 else size for axis, size in enumerate(tensor.shape)]
        if shape.count(-1) == 1:
            rest = abs(_product(shape))
            shape[shape.index(-1)] = len(cells) // max(rest, 1)
        if tensor.datatype == "BYTES":
            cells = [cell if isinstance(cell, str) else json.dumps(cell) for cell in cells]
        inputs.append({"name": tensor.name, "datatype": tensor.datatype, "shape": shape, "data": cells})
    return {"inputs": inputs}


def _product(sizes: Sequence[int]) -> int:
    result = 1
    for size in sizes:
        result *= size
    return result


def scoring_line(url: str, serving_example: dict[str, Any]) -> str:
    """A shell command that sends the first row of a model's input example to MLflow's scoring protocol at `url`."""
    body = dict(serving_example)
    split = body.get("dataframe_split")
    if isinstance(split, dict):
        body["dataframe_split"] = {
            key: value[:1] if key == "data" else value for key, value in split.items() if key != "index"
        }
    text = shlex.quote(json.dumps(body, separators=(",", ":")))
    return f"curl -s {url} -H 'Content-Type: application/json' -d {text}"


def curl_line(url: str, model: str, body: dict[str, Any]) -> str:
    """A shell command that asks `model`."""
    address = f"http://{url}/v2/models/{model}/infer"
    return f"curl -s {address} -d {shlex.quote(json.dumps(body, separators=(',', ':')))}"
