"""What a model returns, taken apart into the tensors that its signature names."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np

from mlflow_backend import codecs, jsontext
from mlflow_backend.errors import OutputError
from mlflow_backend.schema import Field

Array = codecs.Array

# What is one value where a list of them could be, too.
_ONE_VALUE = (str, bytes, int, float, np.generic, Mapping)


def encode(result: Any, fields: Sequence[Field], batched: bool, base64: Container[str]) -> dict[str, Array]:
    """Triton's tensors for a result of `predict`; an output that the signature does not require may be missing.

    Args:
        result: DataFrame, Series, array, sparse matrix, torch tensor, dict, list, tuple, text, number, pydantic object.
        fields: the signature's outputs.
        batched: tensors have the shape of a batched model, [rows, …], a column [rows, 1].
        base64: outputs whose binary values the client wants as base64.

    Raises:
        OutputError: the result does not fit the signature; names both.
    """
    arrays = {}
    for field, values in _split(result, fields):
        try:
            array = codecs.encode(_as_array(values, field), field, field.name in base64)
        except ValueError as error:
            raise OutputError(f"output '{field.name}' ({field.describe()}): {error}.") from None
        arrays[field.name] = array.reshape(-1, 1) if batched and array.ndim == 1 else array
    return arrays


def encode_piece(piece: Any, fields: Sequence[Field], batched: bool, base64: Container[str]) -> dict[str, Array]:
    """Triton's tensors for one piece of a streamed answer.

    A mapping need not have everything that the whole answer has: the others of the signature's outputs are left out.

    Raises:
        OutputError: the piece does not fit the signature; names both.
    """
    piece = _unwrapped(piece)
    if isinstance(piece, Mapping):
        known = [field for field in fields if piece.get(field.source) is not None]
        if known:
            return encode(
                {field.source: _rows_of(piece[field.source], field) for field in known}, known, batched, base64
            )
    return encode(piece, fields, batched, base64)


def _rows_of(value: Any, field: Field) -> Any:
    """A piece has one value for a column, as a rule, and not a list of them."""
    is_rows = field.kind == "tensor" or (isinstance(value, (list, np.ndarray)) and field.carrier.codec != "json")
    return value if is_rows else [value]


def _split(result: Any, fields: Sequence[Field]) -> list[tuple[Field, Any]]:
    """Pairs of output and its values."""
    result = _unwrapped(result)
    frame_columns = getattr(result, "columns", None)
    if frame_columns is not None:
        return _split_frame(result, list(frame_columns), fields)
    if isinstance(result, Mapping):
        return _split_mapping(result, fields)
    if len(fields) == 1:
        field = fields[0]
        if _is_rows_of_mappings(result) and all(_is_column_of(row, field) for row in result):
            result = [row[field.source] for row in result]
        return [(field, result)]
    if _is_rows_of_mappings(result):
        columns = [(field, [_row_value(row, field) for row in result]) for field in fields]
        return [(field, values) for field, values in columns if not _is_left_out(values, field)]
    if isinstance(result, np.ndarray) and result.ndim == 2 and result.shape[1] == len(fields):
        return [(field, result[:, position]) for position, field in enumerate(fields)]
    if isinstance(result, tuple) and len(result) == len(fields):
        return list(zip(fields, result, strict=True))
    raise _unfit(result, fields)


def _split_frame(frame: Any, columns: list[Any], fields: Sequence[Field]) -> list[tuple[Field, Any]]:
    if len(fields) == 1 and fields[0].kind == "tensor" and fields[0].source is None:
        return [(fields[0], frame.to_numpy())]
    present = [field for field in fields if field.source in columns or not field.optional]
    if present and all(field.source in columns for field in present):
        return [(field, frame[field.source]) for field in present]
    if len(columns) == len(fields):
        return [(field, frame.iloc[:, position]) for position, field in enumerate(fields)]
    raise _unfit(frame, fields, f" with columns {columns}")


def _split_mapping(result: Mapping[Any, Any], fields: Sequence[Field]) -> list[tuple[Field, Any]]:
    given = {field: result[field.source] for field in fields if result.get(field.source) is not None}
    if given and all(field.source in result or field.optional for field in fields):
        given |= {field: result[field.source] for field in fields if not field.optional}
        if any(isinstance(value, _ONE_VALUE) for value in given.values()):
            # A record and not columns: the list of an array column is one value.
            given = {field: [value] if field.carrier.codec == "json" else value for field, value in given.items()}
        return list(given.items())
    if len(fields) == 1 and fields[0].carrier.codec == "json":
        return [(fields[0], [result])]
    if len(fields) == 1 and len(result) == 1:
        return [(fields[0], next(iter(result.values())))]
    raise _unfit(result, fields, f" with keys {list(result)}")


def _unwrapped(result: Any) -> Any:
    """Plain containers for what other libraries return, found by what they can do and not by importing them."""
    if hasattr(result, "model_dump"):
        return result.model_dump()
    if hasattr(result, "detach"):
        return result.detach().cpu().numpy()
    if hasattr(result, "toarray"):
        return result.toarray()
    if isinstance(result, list) and result and hasattr(result[0], "model_dump"):
        return [row.model_dump() for row in result]
    if isinstance(result, Mapping):
        return {
            name: value.detach().cpu().numpy() if hasattr(value, "detach") else value for name, value in result.items()
        }
    return result


def _is_rows_of_mappings(result: Any) -> bool:
    return isinstance(result, list) and bool(result) and all(isinstance(row, Mapping) for row in result)


def _is_column_of(row: Mapping[Any, Any], field: Field) -> bool:
    """Whether a row is a record with the column `field`, and not a value of it, which may be a mapping, too."""
    if field.carrier.codec != "json":
        return field.source in row
    return list(row) == [field.source] and field.source not in (field.spec.get("properties") or {})


def _row_value(row: Mapping[Any, Any], field: Field) -> Any:
    if field.source not in row and not field.optional:
        raise OutputError(f"output '{field.name}' is missing in a row of the answer, which has {list(row)}.")
    return row.get(field.source)


def _is_left_out(values: list[Any], field: Field) -> bool:
    """Whether no row has a value, where a single one cannot be missing."""
    has_missing = field.carrier.codec in ("datetime", "json") or field.carrier.numpy.startswith("float")
    return field.optional and not has_missing and all(value is None for value in values)


def _as_array(values: Any, field: Field) -> Array:
    """An array with the rows first, in the signature's number of axes."""
    if hasattr(values, "to_numpy"):
        # Nullable types of pandas have a missing value that NumPy does not know.
        nullable = not isinstance(values.dtype, np.dtype)
        values = values.to_numpy(dtype=object, na_value=None) if nullable else values.to_numpy()
    if field.kind == "column":
        return _column(values, field)
    array = np.asarray(values, dtype=object if field.carrier.data_type == "TYPE_STRING" else None)
    if array.ndim != len(field.shape) and array.size and array.ndim == 0:
        array = array.reshape((1,) * len(field.shape))
    if array.ndim == 2 and array.shape[1] == 1 and field.shape == (-1,):
        array = array.reshape(-1)
    if array.ndim == 1 and len(field.shape) == 2 and field.shape[1] == 1:
        array = array.reshape(-1, 1)
    if array.shape == (0,) and field.has_rows:
        # A list of no rows has no further axes.
        array = array.reshape(0, *(max(axis, 0) for axis in field.row_shape))
    if array.ndim != len(field.shape) or any(
        wanted not in (-1, given) for wanted, given in zip(field.shape, array.shape, strict=True)
    ):
        raise ValueError(f"the model returned shape {list(array.shape)}")
    return array


def _column(values: Any, field: Field) -> Array:
    if isinstance(values, np.ndarray) and values.ndim == 2 and values.shape[1] == 1 and field.carrier.codec != "json":
        return values.reshape(-1)
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return values
    if isinstance(values, (str, bytes, Mapping)) or np.ndim(values) == 0:
        values = [values]
    cells = list(values)
    if field.carrier.codec == "plain":
        array = np.array(cells, dtype=object) if None in cells else np.array(cells)
        if array.ndim != 1:
            raise ValueError(f"the model returned shape {list(array.shape)}; one value a row is wanted")
        return array
    return codecs.boxed(cells)


def _unfit(result: Any, fields: Sequence[Field], detail: str = "") -> OutputError:
    names = ", ".join(repr(field.name) for field in fields)
    shape = f" of shape {list(result.shape)}" if hasattr(result, "shape") and not detail else ""
    return OutputError(
        f"the model returned {type(result).__name__}{shape}{detail}, which does not fit the signature's outputs "
        f"{names}; save the model with a signature inferred from what it returns."
    )


def row_count(arrays: Mapping[str, Array]) -> int:
    """Rows of an encoded answer.

    Raises:
        OutputError: the outputs have different numbers of rows.
    """
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) != 1:
        raise OutputError(f"the model returned different numbers of rows: {jsontext.dumps(counts)}.")
    return next(iter(counts.values()))
