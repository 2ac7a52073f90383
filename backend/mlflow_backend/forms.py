"""In which form a model answers: what tensors do not tell.

A DataFrame, a list of dicts and a dict of lists can be the same tensors, but MLflow's scoring protocol writes them
differently. A model whose configuration has the parameter `answer_form` = `true` has one more output,
`mlflow_answer_form`, with a JSON text in every row, from which a client can put the answer together again as
`mlflow models serve` would write it:

| text                | the model returned            | in the scoring protocol                 |
| ------------------- | ----------------------------- | --------------------------------------- |
| `{"frame": [name…]}`| a DataFrame, a list of dicts  | an object a row, with these keys        |
| `{"series": name}`  | a Series                      | an object a row, with this key          |
| `"list"`            | a list, an array              | a list                                  |
| `"matrix"`          | an array of several columns   | a list a row                            |
| `"tuple"`           | a tuple of columns            | a list a column                         |
| `"value"`           | one value                     | the value                               |
| `{"dict": {name: r}}`| a dict, pydantic objects too | an object; r says what the value is: `rows`, a list;    |
|                     |                               | `times`, an array of dates, which MLflow writes as        |
|                     |                               | nanoseconds since 1970; `value`, one value                |

Standard library only.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_backend import chat
from mlflow_backend.schema import Field

# The parameter of `config.pbtxt` that asks for it; the output is `schema.ANSWER_FORM`.
PARAMETER = "answer_form"


def describe(result: Any, fields: Sequence[Field]) -> str:
    """The form of a result of `predict`.

    Args:
        result: as the model returned it.
        fields: the signature's outputs.
    """
    return json.dumps(_form(result, fields), ensure_ascii=False, separators=(",", ":"))


def _form(result: Any, fields: Sequence[Field]) -> Any:
    if isinstance(result, chat.Answer) and isinstance(result[0], Mapping):
        return {"dict": dict.fromkeys(map(str, result[0]), "value")}
    if hasattr(result, "columns"):
        return {"frame": [_label(label) for label in result.columns]}
    if hasattr(result, "to_frame"):
        return {"series": _label(0 if result.name is None else result.name)}
    if hasattr(result, "model_dump"):
        result = result.model_dump()
    if isinstance(result, Mapping):
        return {"dict": {str(name): _role(value) for name, value in result.items()}}
    if isinstance(result, tuple) and len(result) == len(fields) > 1:
        return "tuple"
    if isinstance(result, (list, tuple)):
        is_rows = len(result) > 0 and isinstance(result[0], Mapping) and _are_columns(result[0], fields)
        return {"frame": [str(name) for name in result[0]]} if is_rows else "list"
    shape = getattr(result, "shape", None)
    if shape is None or shape == ():
        return "value"
    return "matrix" if len(fields) > 1 and len(shape) == 2 else "list"


def _label(label: Any) -> Any:
    return label if isinstance(label, (str, int)) else str(label)


def _role(value: Any) -> str:
    if getattr(value, "shape", ()):
        return "times" if getattr(value.dtype, "kind", "") == "M" else "rows"
    return "rows" if isinstance(value, (list, tuple)) else "value"


def _nanoseconds(time: str) -> int:
    moment, _, fraction = time.partition(".")
    seconds = datetime.datetime.fromisoformat(moment).replace(tzinfo=datetime.timezone.utc).timestamp()
    return round(seconds) * 10**9 + int(fraction.ljust(9, "0"))


def _are_columns(row: Mapping[Any, Any], fields: Sequence[Field]) -> bool:
    return any(field.source in row for field in fields)


def _as(role: str, values: list[Any]) -> Any:
    if role == "times":
        return [_nanoseconds(time) for time in values]
    return values if role == "rows" else values[0]


def of_signature(fields: Sequence[Field]) -> Any:
    """The form that a model most likely answers in, where it does not tell: what MLflow infers its signature from."""
    if any(field.kind == "tensor" for field in fields):
        named = all(field.source is not None for field in fields)
        return {"dict": {str(field.source): "rows" for field in fields}} if named else "list"
    if len(fields) == 1 and fields[0].source is None:
        return "list"
    return {"frame": [_label(index if field.source is None else field.source) for index, field in enumerate(fields)]}


def of_document(fields: Sequence[Field]) -> Any:
    """The form of a chat interface's answer, which is one document: its members are the outputs that there are."""
    if len(fields) == 1 and fields[0].source is None:
        return "value"
    return {"dict": {str(field.source): "value" for field in fields}}


def rebuild(form: Any, columns: Sequence[tuple[Field, list[Any]]]) -> Any:
    """The answer in terms of lists and dicts, as MLflow writes it.

    Args:
        form: parsed JSON text of the output, or `of_signature`, or `of_document`.
        columns: the outputs with their rows, as Python values; those that the model left out are not there.
    """
    if isinstance(form, dict) and "dict" in form:
        return _as_dict(form["dict"], columns)
    if isinstance(form, dict):
        return _as_rows(form["frame"] if "frame" in form else [form["series"]], columns)
    if form == "tuple":
        return [values for _, values in columns]
    if form == "matrix" and len(columns) > 1:
        return [list(row) for row in zip(*(values for _, values in columns), strict=True)]
    values = columns[0][1]
    return values[0] if form == "value" and isinstance(values, list) else values


def _as_dict(roles: Mapping[str, str], columns: Sequence[tuple[Field, list[Any]]]) -> Any:
    found = {str(field.source): values for field, values in columns}
    if not found.keys() & roles.keys():
        if len(columns) == 1 and len(roles) != 1:
            # One column of documents: the dict itself is the value.
            return columns[0][1][0]
        found = dict(zip(roles, found.values(), strict=False))
    # What was None is not sent.
    return {name: _as(role, found[name]) if name in found else None for name, role in roles.items()}


def _as_rows(labels: Sequence[Any], columns: Sequence[tuple[Field, list[Any]]]) -> list[dict[Any, Any]]:
    found: dict[Any, list[Any]] = {field.source: values for field, values in columns}
    # Columns of None are not sent.
    if not any(label in found for label in labels):
        found = dict(zip(labels, (values for _, values in columns), strict=False))
    kept = [label for label in labels if label in found]
    return [dict(zip(kept, row, strict=True)) for row in zip(*(found[label] for label in kept), strict=True)]
