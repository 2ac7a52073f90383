"""scikit-learn's estimators, and arrays in place of DataFrames.

scikit-learn makes an array of a DataFrame of numbers before it computes anything. Before that it looks at every column
several times, which takes longer than most models need to answer a row. An estimator that is given that array at once
answers the same, unless it asks for columns by name or hands the DataFrame on to somebody else's code.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

_PIPELINE = ("sklearn.pipeline", "Pipeline")
# These look for columns, or call what is not scikit-learn's, with the very object that they are given.
_NEED_FRAMES = frozenset({"ColumnTransformer", "FeatureUnion", "FunctionTransformer"})
# Names of the columns that an estimator was fitted to, and what `set_output` says: transformed data as DataFrames.
_NAMES, _OUTPUT = "feature_names_in_", "_sklearn_output_config"


def on_arrays(model: Any) -> Any | None:
    """A twin of a fitted estimator that expects arrays, columns in the order in which it was fitted.

    Both share what was learnt. Whether they answer the same is for the caller to try.

    Returns:
        None: the model is not scikit-learn's own, or could want more than an array.
    """
    if (type(model).__module__, type(model).__qualname__) != _PIPELINE:
        return _nameless(model)
    # A step that does nothing is written in two ways.
    steps = [(name, "passthrough" if step in (None, "passthrough") else _nameless(step)) for name, step in model.steps]
    if any(step is None for _, step in steps):
        return None
    twin = copy.copy(model)
    twin.steps = steps
    return twin


def _nameless(estimator: Any) -> Any | None:
    if not _is_own(estimator) or _OUTPUT in vars(estimator):
        return None
    # Who has parts that know names gives them DataFrames.
    if any(not _is_own(part) or _NAMES in vars(part) for part in _parts(estimator)):
        return None
    twin = copy.copy(estimator)
    vars(twin).pop(_NAMES, None)
    return twin


def _is_own(estimator: Any) -> bool:
    kind = type(estimator)
    return kind.__module__.startswith("sklearn.") and kind.__name__ not in _NEED_FRAMES and hasattr(kind, "get_params")


def _parts(estimator: Any) -> Iterator[Any]:
    """Other estimators that are somewhere in one."""
    seen = {id(estimator)}
    left = [estimator]
    while left:
        for child in _children(left.pop()):
            # Nodes of trees may know each other.
            if id(child) in seen or isinstance(child, (bool, int, float, str, type)):
                continue
            seen.add(id(child))
            left.append(child)
            if hasattr(child, "get_params"):
                yield child


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, (list, tuple, set)):
        return value
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype == object else ()
    # Some keep their parts in objects that are no estimators.
    return getattr(value, "__dict__", {}).values() if type(value).__module__.startswith("sklearn.") else ()
