"""CSV files with a header."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from mlflow_backend_utils.batch.piece import Piece
from mlflow_backend_utils.messages.errors import InputError

_CONTENT_TYPE = "text/csv"


def read(path: Path, rows: int) -> Iterator[Piece]:
    """The file in pieces, each with the header.

    Raises:
      InputError: it is not UTF-8, or has no header.
    """
    # A cell may be as large as memory: the module's own limit is 128 KiB.
    csv.field_size_limit(2**31 - 1)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = _Counted(file)
            table = csv.reader(lines, strict=True)
            header = next(table, None)
            if not header:
                raise InputError(f"{path}: the file has no header; its first line must name the columns")
            first = 1
            while block := list(itertools.islice(table, rows)):
                yield Piece(_text([header, *block]), _CONTENT_TYPE, first, len(block), lines.taken())
                first += len(block)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None


def _text(table: Iterable[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(table)
    return text.getvalue().encode()


class _Counted:
    """The lines of a file, and how many characters of them were taken since the last look."""

    def __init__(self, file: Iterable[str]) -> None:
        self._lines = iter(file)
        self._taken = 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken += len(line)
        return line

    def taken(self) -> int:
        """Characters, about as many as bytes."""
        taken, self._taken = self._taken, 0
        return taken
