"""Answers as a file."""

from __future__ import annotations

import abc
import csv
import io
import json
from typing import Any, BinaryIO

from mlflow_backend_utils.messages.errors import BuildError


class Writer(abc.ABC):
    """Writes the answers to pieces, one after the other.

    Args:
      file: to write to.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @abc.abstractmethod
    def add(self, predictions: Any) -> None:
        """Write what the scoring protocol has under `predictions`.

        Raises:
          BuildError: it does not go with what was written before.
        """

    @abc.abstractmethod
    def finish(self) -> None:
        """Write what belongs behind the last answer."""


class JsonWriter(Writer):
    """The scoring protocol's answer to all rows: `{"predictions": …}`.

    Lists are written as they come. Answers that are objects of lists, a model's own form of a table, are kept until the
    end, for their rows do not lie one after the other.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self._count = 0
        self._whole: Any = None
        file.write(b'{"predictions": ')

    def add(self, predictions: Any) -> None:
        """Write an answer."""
        if not isinstance(predictions, list):
            self._whole = predictions if self._whole is None else _joined(self._whole, predictions)
            return
        for prediction in predictions:
            self._file.write(b", " if self._count else b"[")
            self._file.write(json.dumps(prediction).encode())
            self._count += 1

    def finish(self) -> None:
        """Close the list and the object."""
        if self._whole is not None:
            self._file.write(json.dumps(self._whole).encode())
        else:
            self._file.write(b"]" if self._count else b"[]")
        self._file.write(b"}\n")


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        return {name: _joined(first[name], second[name]) for name in first}
    if isinstance(first, list) and isinstance(second, list):
        return first + second
    raise BuildError("the model answers with one value for many rows; give --rows at least as many as the file has")


class CsvWriter(Writer):
    """A line for each row: a column for each output, or one column `prediction`. Lists and objects are JSON texts."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self._columns: list[str] | None = None

    def add(self, predictions: Any) -> None:
        """Write an answer."""
        rows = [_cells(row) for row in _rows(predictions)]
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        for row in rows:
            if self._columns is None:
                self._columns = list(row)
                writer.writerow(self._columns)
            if list(row) != self._columns:
                raise BuildError(
                    f"the model answers with columns {list(row)} after {self._columns}; write a .json file instead"
                )
            writer.writerow(map(_text, row.values()))
        self._file.write(text.getvalue().encode())

    def finish(self) -> None:
        """Nothing is behind the last line."""


def _rows(predictions: Any) -> list[Any]:
    if isinstance(predictions, list):
        return predictions
    if isinstance(predictions, dict) and predictions and all(isinstance(v, list) for v in predictions.values()):
        return [dict(zip(predictions, row, strict=True)) for row in zip(*predictions.values(), strict=True)]
    return [predictions]


def _cells(row: Any) -> dict[str, Any]:
    if isinstance(row, dict):
        return {str(name): value for name, value in row.items()}
    if isinstance(row, list):
        return {str(position): value for position, value in enumerate(row)}
    return {"prediction": row}


def _text(value: Any) -> Any:
    if isinstance(value, (dict, list, bool)):
        return json.dumps(value)
    return "" if value is None else value
