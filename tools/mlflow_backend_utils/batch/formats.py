"""Which reader and writer a file is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from mlflow_backend_utils.batch import csv_file, json_file, parquet_file, writers
from mlflow_backend_utils.batch.piece import Piece
from mlflow_backend_utils.messages.errors import InputError

# Reads a file in pieces of so many rows.
Reader = Callable[[Path, int], Iterator[Piece]]

READERS: dict[str, Reader] = {
    "csv": csv_file.read,
    "json": json_file.read,
    "jsonl": json_file.read_lines,
    "parquet": parquet_file.read,
}
WRITERS: dict[str, type[writers.Writer]] = {"csv": writers.CsvWriter, "json": writers.JsonWriter}


def reader(path: Path, kind: str | None) -> Reader:
    """What reads a file.

    Args:
      path: of the file.
      kind: a key of `READERS`; None: by the name of the file.

    Raises:
      InputError: the name does not tell.
    """
    return READERS[_kind(path, kind, "--input-type", list(READERS))]


def writer(path: Path, kind: str | None) -> type[writers.Writer]:
    """What writes a file.

    Args:
      path: of the file.
      kind: a key of `WRITERS`; None: by the name of the file.

    Raises:
      InputError: the name does not tell.
    """
    return WRITERS[_kind(path, kind, "--output-type", list(WRITERS))]


def _kind(path: Path, kind: str | None, option: str, known: list[str]) -> str:
    found = kind or path.suffix.lower().removeprefix(".")
    if found not in known:
        raise InputError(f"{path}: the name does not say what it is; give {option}, one of {', '.join(known)}")
    return found
