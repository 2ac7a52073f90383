"""JSON files: a body of the scoring protocol of any length, or an object a line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from mlflow_backend_utils.batch.piece import Piece
from mlflow_backend_utils.messages.errors import InputError

_CONTENT_TYPE = "application/json"
# Form -> where its rows are, for ijson.
_ROWS = {
    "dataframe_split": "dataframe_split.data.item",
    "dataframe_records": "dataframe_records.item",
    "instances": "instances.item",
    "inputs": "inputs.item",
}
# Small things that every piece needs -> where they are.
_COMMON = {"params": "params", "columns": "dataframe_split.columns"}


def read(path: Path, rows: int) -> Iterator[Piece]:
    """A body of the scoring protocol in pieces, each with the params.

    `inputs` by column have no rows one after the other: they stay one piece.

    Raises:
      InputError: it is no such body.
    """
    try:
        with path.open("rb") as file:
            form, is_list = _form(file)
            if form is None:
                raise InputError(f"{path}: none of {', '.join(_ROWS)} is in it; see MLflow's scoring protocol")
            if not is_list:
                body = path.read_bytes()
                yield Piece(body, _CONTENT_TYPE, 1, 1, len(body))
                return
            # Each look goes through the whole file where there is nothing.
            places = _COMMON if form == "dataframe_split" else {"params": _COMMON["params"]}
            common = {name: _only(file, place) for name, place in places.items()}
            file.seek(0)
            items = ijson.items(file, _ROWS[form])
            yield from _pieces(items, rows, form, common, file)
    except ijson.JSONError as error:
        raise InputError(f"{path}: {error}") from None


def read_lines(path: Path, rows: int) -> Iterator[Piece]:
    """A file with an object a line, in pieces.

    Raises:
      InputError: a line is no JSON object; tells which.
    """
    with path.open("rb") as file:
        yield from _pieces(_objects(path, file), rows, "dataframe_records", {}, file)


def _objects(path: Path, file: BinaryIO) -> Iterator[Any]:
    for number, line in enumerate(iter(file.readline, b""), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}:{number}: {error}") from None
            if not isinstance(row, dict):
                raise InputError(f"{path}:{number}: {type(row).__name__} is no object; a line must be one row")
            yield row


def _form(file: BinaryIO) -> tuple[str | None, bool]:
    """The form of a body, and whether its rows come one after the other."""
    form, is_list = None, False
    for prefix, event, value in ijson.parse(file):
        if prefix == "" and event == "map_key" and value in _ROWS:
            form = value
        elif form and prefix in (form, f"{form}.data") and event in ("start_array", "start_map"):
            is_list = event == "start_array"
            if is_list:
                break
    file.seek(0)
    return form, is_list


def _only(file: BinaryIO, place: str) -> Any:
    """The value at a place; None where there is none."""
    file.seek(0)
    return next(ijson.items(file, place), None)


def _pieces(items: Iterator[Any], rows: int, form: str, common: dict[str, Any], file: BinaryIO) -> Iterator[Piece]:
    first, before = 1, 0
    while block := list(itertools.islice(items, rows)):
        data: Any = block
        if form == "dataframe_split":
            data = {"data": block} | ({"columns": common["columns"]} if common["columns"] is not None else {})
        document = {form: data} | ({"params": common["params"]} if common.get("params") else {})
        now = file.tell()
        # Numbers come as Decimal: ijson's floats would limit whole numbers to 64 bits.
        yield Piece(json.dumps(document, default=float).encode(), _CONTENT_TYPE, first, len(block), now - before)
        first, before = first + len(block), now
