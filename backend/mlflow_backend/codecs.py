"""Values of one tensor: from the array that Triton hands over to what the model gets, and back.

A new way to carry values is one class and one row of `CODECS`; `schema` names the row for each MLflow type. Decoding
errors are `ValueError` and `encode` errors too: the callers add which tensor it was and whose fault it is.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from mlflow_backend import jsontext, numbers
from mlflow_backend.schema import Field

Array = numbers.Array


class Codec(Protocol):
    """Both directions keep the shape. `base64_text`: the client wants binary values as base64."""

    def decode(self, array: Array, field: Field, base64_text: bool) -> Array:
        """What the model gets; raises ValueError."""
        ...

    def encode(self, array: Array, field: Field, base64_text: bool) -> Array:
        """An array of the type that `field` declares, of `bytes` for TYPE_STRING; raises ValueError."""
        ...


class PlainCodec:
    """Numbers and booleans, which travel as themselves."""

    def decode(self, array: Array, field: Field, base64_text: bool) -> Array:
        return numbers.cast(array, numbers.dtype(field.carrier.numpy))

    def encode(self, array: Array, field: Field, base64_text: bool) -> Array:
        return numbers.cast(array, numbers.dtype(field.carrier.numpy))


class StringCodec:
    """Text as UTF-8. There is no missing value: every text, the empty one too, is a value."""

    def decode(self, array: Array, field: Field, base64_text: bool) -> Array:
        texts = _boxed([_text(cell, row) for row, cell in enumerate(array.ravel().tolist())], array.shape)
        return texts.astype(np.str_) if field.carrier.numpy == "str" else texts

    def encode(self, array: Array, field: Field, base64_text: bool) -> Array:
        return _boxed([_encoded(cell, row) for row, cell in enumerate(array.ravel().tolist())], array.shape)


class BinaryCodec:
    """Bytes as they are, or as base64 text where a client speaks JSON, which has no bytes."""

    def decode(self, array: Array, field: Field, base64_text: bool) -> Array:
        cells = array.ravel().tolist()
        if base64_text:
            cells = [_from_base64(cell, row) for row, cell in enumerate(cells)]
        values = _boxed(cells, array.shape)
        return values.astype(np.bytes_) if field.carrier.numpy == "bytes" else values

    def encode(self, array: Array, field: Field, base64_text: bool) -> Array:
        cells = [_bytes(cell, row) for row, cell in enumerate(array.ravel().tolist())]
        return _boxed([base64.b64encode(cell) for cell in cells] if base64_text else cells, array.shape)


class DatetimeCodec:
    """Points in time as ISO 8601 text; `NaT` or no text is a missing one."""

    def decode(self, array: Array, field: Field, base64_text: bool) -> Array:
        import pandas as pd

        texts = [_text(cell, row) for row, cell in enumerate(array.ravel().tolist())]
        try:
            times = pd.to_datetime(pd.Series(texts, dtype=object), format="ISO8601")
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"not a date in ISO 8601: {str(error).partition('. You')[0]}") from None
        if not isinstance(times.dtype, np.dtype) or times.dtype.kind != "M":
            raise ValueError("a date with a time zone; send UTC without one")
        result: Array = times.to_numpy().astype("datetime64[ns]").reshape(array.shape)
        return result

    def encode(self, array: Array, field: Field, base64_text: bool) -> Array:
        import pandas as pd

        try:
            times = pd.to_datetime(pd.Series(array.ravel().tolist() if array.dtype.kind == "O" else array.ravel()))
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"not a date: {error}") from None
        return _boxed([time.isoformat().encode("ascii") for time in times], array.shape)


class JsonCodec:
    """One JSON document a row; `null` is a missing value."""

    def decode(self, array: Array, field: Field, base64_text: bool) -> Array:
        return _boxed([self._value(cell, row, field) for row, cell in enumerate(array.ravel().tolist())], array.shape)

    def encode(self, array: Array, field: Field, base64_text: bool) -> Array:
        try:
            return _boxed([jsontext.dumps(cell).encode("utf-8") for cell in array.ravel().tolist()], array.shape)
        except (RecursionError, TypeError) as error:
            raise ValueError(str(error)) from None

    def _value(self, cell: Any, row: int, field: Field) -> Any:
        text = _text(cell, row)
        try:
            return jsontext.typed(jsontext.loads(text), field.spec)
        except ValueError as error:
            raise ValueError(f"row {row} is not valid JSON for {field.describe()}: {error}") from None


CODECS: Mapping[str, Codec] = {
    "plain": PlainCodec(),
    "string": StringCodec(),
    "binary": BinaryCodec(),
    "datetime": DatetimeCodec(),
    "json": JsonCodec(),
}


def decode(array: Array, field: Field, base64_text: bool) -> Array:
    """The model's values for what Triton hands over; raises ValueError."""
    return CODECS[field.carrier.codec].decode(array, field, base64_text)


def encode(array: Array, field: Field, base64_text: bool) -> Array:
    """What Triton gets for the model's values; raises ValueError."""
    return CODECS[field.carrier.codec].encode(array, field, base64_text)


def boxed(values: list[Any]) -> Array:
    """A one-dimensional object array; NumPy alone would make lists in it further axes."""
    return _boxed(values, (len(values),))


def _boxed(values: list[Any], shape: tuple[int, ...]) -> Array:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape(shape)


def _text(cell: Any, row: int) -> str:
    if isinstance(cell, str):
        return cell
    if not isinstance(cell, bytes):
        raise ValueError(f"row {row} is {type(cell).__name__}, not text")
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"row {row} is not UTF-8: {error.reason} at byte {error.start}") from None


def _encoded(cell: Any, row: int) -> bytes:
    if isinstance(cell, str):
        try:
            return cell.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"row {row} is text that is no valid Unicode: {error.reason}") from None
    return _bytes(cell, row)


def _bytes(cell: Any, row: int) -> bytes:
    if isinstance(cell, (bytes, bytearray)):
        return bytes(cell)
    if isinstance(cell, str):
        return cell.encode("utf-8")
    if cell is None or cell != cell:
        raise ValueError(f"row {row} is missing, which text and bytes in Triton cannot be")
    raise ValueError(f"row {row} is {type(cell).__name__}, neither text nor bytes")


def _from_base64(cell: Any, row: int) -> bytes:
    try:
        return base64.b64decode(cell, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"row {row} is not base64: {error}") from None
