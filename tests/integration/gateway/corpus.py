"""Requests to `/invocations`, good and bad, for a model with any signature.

Left out is what Triton's tensors cannot carry and MLflow lets through (docs/gateway.md): requests without rows, and
cells of a text, binary or boolean column that are no such thing. Models whose types are their function's hints are not
asked: MLflow checks those in the model, with words of its own.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd

_JSON = "application/json"
_CSV = "text/csv"
_PARQUET = "application/vnd.apache.parquet"
_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
# What may stand where data is expected.
_ODD_DATA: tuple[Any, ...] = (
    None,
    1,
    "x",
    {},
    [{}],
    {"data": [[1]]},
    {"columns": ["a"], "data": [[1, 2]]},
    {"data": 1},
    {"columns": 1, "data": []},
)
# What may stand where a number is expected.
_ODD_CELLS: tuple[Any, ...] = (
    None,
    "x",
    "1",
    True,
    1,
    2.5,
    float("inf"),
    float("nan"),
    [1],
    {"a": 1},
    2**70,
    -0.0,
    1e-320,
)


class Request(NamedTuple):
    """A request to `/invocations`."""

    what: str
    content_type: str
    body: bytes


def requests(example: dict[str, Any], kinds: dict[str, str]) -> Iterator[Request]:
    """All requests for a model.

    Args:
      example: its serving input example, a body of the protocol.
      kinds: column to MLflow's type; empty for a model of tensors.
    """
    yield _json("the example", example)
    yield from _headers(example)
    yield from _envelopes(example)
    texts = set(kinds.values()) & {"string", "binary"}
    for form in _FORMS:
        for data in _ODD_DATA:
            if not texts or not isinstance(data, (list, str, int)):
                yield _json(f"{form} {data!r}", {form: data})
    form = next((key for key in example if key in _FORMS), None)
    if form == "dataframe_split":
        yield from _frames(example[form]["columns"], example[form]["data"], kinds)
    elif form is None:
        yield from _documents(example)
    else:
        yield _json("instances", {"instances": example[form]})
        yield _json("inputs", {"inputs": example[form]})


def _json(what: str, document: Any, content_type: str = _JSON) -> Request:
    return Request(what, content_type, json.dumps(document).encode())


def _documents(document: dict[str, Any]) -> Iterator[Request]:
    """Of a model that takes the bare documents of chats."""
    for form, data in (("dataframe_records", [document]), ("instances", [document]), ("inputs", document)):
        yield _json(f"the document as {form}", {form: data})
    for key in document:
        yield _json(f"without {key}", {name: value for name, value in document.items() if name != key})
        for data in (None, "x", [], {}, [1], [{"role": "user"}], 2.5):
            yield _json(f"{key} {data!r}", {**document, key: data})
    for more in ({"temperature": 0.5}, {"max_tokens": 7}, {"stop": "x"}, {"temperature": "hot"}, {"unknown": [1]}):
        yield _json(f"with {more}", {**document, **more})


def _headers(example: dict[str, Any]) -> Iterator[Request]:
    body = json.dumps(example).encode()
    for content_type in (
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json; charset=latin-1",
        "application/json; version=1",
        "application/json; charset=utf-8; version=1",
        "application/x-www-form-urlencoded",
        "text/plain",
        "Application/JSON",
        "*/*",
    ):
        yield Request(f"content type {content_type}", content_type, body)


def _envelopes(example: dict[str, Any]) -> Iterator[Request]:
    for body in (b"", b"{", b"[1, 2]", b"1", b"null", b'"x"', b'{"inputs": "\xff"}', b"{} {}", b"[" * 100_000):
        yield Request(f"body {body[:20]!r}", _JSON, body)
    yield _json("nothing", {})
    yield _json("two forms", {**example, "instances": [1], "inputs": [2]})
    yield _json("unknown key", {**example, "unknown": 1})
    yield _json("unknown param", {**example, "params": {"unknown": 1}})
    yield _json("params that are none", {**example, "params": [1]})
    yield _json("params null", {**example, "params": None})
    yield _json("signature name", {"signature_name": "x", "inputs": [1]})
    yield Request("a key twice", _JSON, json.dumps(example)[:-1].encode() + b"," + json.dumps(example)[1:].encode())


def _frames(columns: list[str], rows: list[list[Any]], kinds: dict[str, str]) -> Iterator[Request]:
    yield from _forms("rows", columns, rows)
    yield from _forms("one row", columns, rows[:1])
    yield from _forms("more rows than a batch has", columns, rows * 70)
    yield from _forms("columns in another order", columns[::-1], [row[::-1] for row in rows])
    yield from _forms("one column more", [*columns, "more"], [[*row, 1] for row in rows])
    yield from _forms("one column less", columns[1:], [row[1:] for row in rows])
    yield _json("no column names", {"dataframe_split": {"data": rows}})
    yield _json(
        "an index", {"dataframe_split": {"columns": columns, "data": rows, "index": list(range(7, 7 + len(rows)))}}
    )
    yield _json("a column twice", {"dataframe_split": {"columns": [columns[0]] * len(columns), "data": rows}})
    yield _json("a row too short", {"dataframe_split": {"columns": columns, "data": [rows[0][1:], *rows]}})
    numbers = [at for at, name in enumerate(columns) if kinds.get(name) not in ("string", "binary")]
    for at in numbers[:3]:
        for cell in _ODD_CELLS:
            # A column of booleans and something else is none, but MLflow's own server does not mind.
            if isinstance(cell, list) and kinds.get(columns[at]) == "boolean":
                continue
            odd = [list(row) for row in rows]
            odd[0][at] = cell
            yield from _forms(f"{cell!r} in {columns[at]}", columns, odd)
            yield _json(f"only {cell!r} in {columns[at]}", {"dataframe_split": {"columns": columns, "data": odd[:1]}})
    if not set(kinds.values()) & {"binary"}:
        yield from _tables(columns, rows)


def _forms(what: str, columns: list[str], rows: list[list[Any]]) -> Iterator[Request]:
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    yield _json(f"{what} as split", {"dataframe_split": {"columns": columns, "data": rows}})
    yield _json(f"{what} as records", {"dataframe_records": records})
    yield _json(f"{what} as instances", {"instances": records})
    yield _json(f"{what} as inputs", {"inputs": records})
    yield _json(f"{what} as inputs by column", {"inputs": {name: [row[name] for row in records] for name in columns}})


def _tables(columns: list[str], rows: list[list[Any]]) -> Iterator[Request]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([columns, *rows])
    for content_type in (_CSV, "text/csv; charset=utf-8", "text/csv; header=present", "text/csv; charset=ascii"):
        yield Request(f"a table as {content_type}", content_type, text.getvalue().encode())
    for body in (b"", b"\xff\xfe", b"a,b\n1,2\n", b'"'):
        yield Request(f"table {body!r}", _CSV, body)
    parquet = io.BytesIO()
    pd.DataFrame(rows, columns=columns).to_parquet(parquet)
    yield Request("parquet", _PARQUET, parquet.getvalue())
    yield Request("parquet that is none", _PARQUET, b"PAR1")
