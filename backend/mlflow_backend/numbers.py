"""Changing the NumPy type of numbers without changing the numbers."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@functools.cache
def dtype(name: str) -> np.dtype[Any]:
    """NumPy's type of that name, which NumPy itself takes longer to find than to compare."""
    return np.dtype(name)


def cast(array: Array, dtype: np.dtype[Any]) -> Array:
    """`array` with type `dtype`, as MLflow's JSON parser would have read the same numbers.

    Integers become floats and wider integers, floats become narrower floats (JSON has only doubles), whole floats
    become integers. What would change a number otherwise is refused. Booleans are no numbers.

    Raises:
        ValueError: the values do not fit; names the first that does not.
    """
    if array.dtype == dtype:
        return array
    if array.dtype.kind == "O":
        # The natural type of what is in it; None becomes NaN where that is possible.
        array = _unboxed(array, dtype)
    if array.dtype.kind not in "biuf" or (array.dtype.kind == "b") != (dtype.kind == "b"):
        raise ValueError(f"{array.dtype} values cannot become {dtype}")
    with np.errstate(all="ignore"):
        result = array.astype(dtype)
        # NumPy calls int64 to float64 safe, which rounds.
        if array.dtype.kind == dtype.kind and np.can_cast(array.dtype, dtype, "safe"):
            return result
        if array.dtype.kind == "f" and dtype.kind == "f":
            kept = np.isfinite(result) | ~np.isfinite(array)
        else:
            kept = _exact(array, result)
    if not kept.all():
        value = array[~kept].ravel()[0]
        hint = f"; a missing value cannot be {dtype}" if value != value else ""
        raise ValueError(f"{value!s} of type {array.dtype} cannot become {dtype}{hint}")
    return result


def _unboxed(array: Array, dtype: np.dtype[Any]) -> Array:
    values = array.ravel().tolist()
    if None in values:
        if dtype.kind != "f":
            raise ValueError(f"a missing value cannot be {dtype}")
        values = [np.nan if value is None else value for value in values]
    if not values:
        return np.empty(array.shape, dtype)
    try:
        return np.array(values).reshape(array.shape)
    except ValueError as error:
        raise ValueError(f"values of different shapes cannot become {dtype}: {error}") from None


def _exact(array: Array, result: Array) -> Array:
    """Where the cast kept the value. Going there and back alone is not enough: it wraps between int64 and uint64."""
    same_sign = (array < 0) == (result < 0)
    there_and_back: Array = same_sign & (result.astype(array.dtype) == array)
    if array.dtype.kind == "f" or result.dtype.kind == "f":
        integers, floats = (array, result) if array.dtype.kind != "f" else (result, array)
        limit = np.float64(np.iinfo(integers.dtype).max) + 1
        there_and_back = there_and_back & (floats.astype(np.float64) < limit)
    return there_and_back
