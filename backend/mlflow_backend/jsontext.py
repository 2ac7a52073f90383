"""Values of MLflow's nested types (array, object, map, any) from and to JSON text.

MLflow's enforcement of nested types refuses what JSON can say in one way only: a JSON integer where the signature says
double, any number where it says integer or float. `typed` gives each leaf the type that its place in the signature asks
for, as MLflow's own parser does for plain columns; whether the structure is right is left to MLflow.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_LEAVES = {"integer": np.int32, "float": np.float32}


def loads(text: str) -> Any:
    """Raises: ValueError: not JSON, or nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON text is nested too deeply") from None


def dumps(value: Any) -> str:
    """JSON text of whatever a model returns; NaN and None are `null`, bytes base64, dates ISO 8601.

    Raises:
        TypeError: a value that JSON has no form for; names its type.
    """
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


def typed(value: Any, spec: Mapping[str, Any]) -> Any:
    """`value` with the leaf types of `spec`; what does not fit is left for MLflow's enforcement to refuse.

    Raises:
        ValueError: a binary leaf is not base64, or a datetime leaf is no date.
    """
    kind = spec.get("type")
    if value is None:
        return None
    if kind == "array" and isinstance(value, list):
        return _typed_array(value, spec.get("items") or {})
    if kind == "object" and isinstance(value, dict):
        properties = spec.get("properties") or {}
        return {name: typed(item, properties.get(name, {})) for name, item in value.items()}
    if kind == "map" and isinstance(value, dict):
        return {name: typed(item, spec.get("values") or {}) for name, item in value.items()}
    return _typed_leaf(value, kind)


def _typed_array(values: list[Any], items: Mapping[str, Any]) -> Any:
    kind = items.get("type")
    if kind in _LEAVES and values and all(_is_number(value) for value in values):
        # A list of small numbers would be seen as int64 or float64 again.
        leaves = [_typed_leaf(value, kind) for value in values]
        return np.array(leaves, _LEAVES[kind]) if all(type(leaf) is _LEAVES[kind] for leaf in leaves) else values
    return [typed(value, items) for value in values]


def _typed_leaf(value: Any, kind: Any) -> Any:
    if kind == "binary" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError(f"binary value is not base64: {error}") from None
    if kind == "datetime" and isinstance(value, str):
        import pandas as pd

        return pd.to_datetime(value)
    if not _is_number(value):
        return value
    if kind == "double":
        return float(value)
    if kind == "float":
        return np.float32(value)
    if kind == "integer" and value == int(value) and -(2**31) <= value < 2**31:
        return np.int32(value)
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def plain(value: Any) -> Any:
    """`value` in terms of dict, list, str, int, float, bool and None."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, (datetime.date, datetime.time)):
        # NaT is a date too.
        return value.isoformat() if value == value else None
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
    if type(value).__name__ == "NAType":
        return None
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")
