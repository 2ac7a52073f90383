"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mlflow_backend_utils.batch.piece import Piece
from mlflow_backend_utils.messages.errors import InputError

_CONTENT_TYPE = "application/vnd.apache.parquet"


def read(path: Path, rows: int) -> Iterator[Piece]:
    """The file in pieces.

    Raises:
      InputError: it is no Parquet file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            total = file.metadata.num_rows or 1
            first = 1
            for batch in file.iter_batches(batch_size=rows):
                sink = pa.BufferOutputStream()
                parquet.write_table(pa.Table.from_batches([batch]), sink, compression="none")
                size = path.stat().st_size * batch.num_rows // total
                yield Piece(sink.getvalue().to_pybytes(), _CONTENT_TYPE, first, batch.num_rows, size)
                first += batch.num_rows
    except pa.ArrowException as error:
        raise InputError(f"{path}: {error}") from None
