"""The sklearn flavor: MLflow's own pyfunc, without the DataFrame where scikit-learn makes an array of it at once.

The answers must not differ in a bit. So both ways are tried when the model is loaded, with its input example and with
other rows, and the quick one is taken only if it gave the same each time.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlflow_backend import estimators
from mlflow_backend.adapters import pyfunc
from mlflow_backend.metadata import ModelMetadata
from mlflow_backend.requests import DecodedRequest
from mlflow_backend.schema import ModelSchema

Array = np.ndarray[Any, np.dtype[Any]]
Predict = Callable[[Array], Any]

# What MLflow lets a model be saved with as `pyfunc_predict_fn`, less `score`, which wants to know the truth.
_FUNCTIONS = frozenset({"predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba"})
# One row, and several: libraries of linear algebra compute them in different ways.
_TRIED_ROWS = (1, 5)


class Adapter(pyfunc.Adapter):
    """As for every pyfunc; columns of one type of numbers go to the estimator as an array."""

    def __init__(
        self, metadata: ModelMetadata, schema: ModelSchema, model_config: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(metadata, schema, model_config)
        self._quick: Predict | None = None
        dtypes = {field.carrier.numpy for field in schema.inputs}
        if self._trusts and len(dtypes) == 1 and not any(field.optional for field in schema.inputs):
            dtype = np.dtype(dtypes.pop())
            predict = _on_arrays(self._model, metadata) if dtype.kind in "if" else None
            if predict is not None and self._proves(predict, dtype):
                self._quick = predict

    def predict(self, request: DecodedRequest) -> Any:
        if self._quick is None or request.params or request.content != pyfunc.AS_SIGNED:
            return super().predict(request)
        return self._quick(pyfunc.block(request.inputs))

    def _proves(self, predict: Predict, dtype: np.dtype[Any]) -> bool:
        """Whether the answers are those to DataFrames, wherever the model answers at all."""
        proven = False
        for inputs in (*self._example(dtype), *self._made_up(dtype)):
            request = DecodedRequest(inputs, len(next(iter(inputs.values()))), {})
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    wanted = super().predict(request)
                except Exception:
                    continue
                try:
                    given = predict(pyfunc.block(inputs))
                except Exception:
                    return False
            if not _are_equal(wanted, given):
                return False
            proven = True
        return proven

    def _example(self, dtype: np.dtype[Any]) -> Iterator[dict[str, Array]]:
        with contextlib.suppress(Exception):
            example, _ = self._input_example()
            if isinstance(example, pd.DataFrame):
                yield {name: example[label].to_numpy().astype(dtype) for name, label in self._labels.items()}

    def _made_up(self, dtype: np.dtype[Any]) -> Iterator[dict[str, Array]]:
        names = list(self._labels)
        for rows in _TRIED_ROWS:
            values = np.linspace(-3, 7, rows * len(names)).astype(dtype)
            yield dict(zip(names, values.reshape(len(names), rows), strict=True))


def _on_arrays(model: Any, metadata: ModelMetadata) -> Predict | None:
    """The function of the estimator that MLflow would call, for arrays."""
    function = metadata.flavors["python_function"].get("predict_fn", "predict")
    if not metadata.is_served_by("mlflow.sklearn") or function not in _FUNCTIONS:
        return None
    estimator = estimators.on_arrays(model.get_raw_model())
    return None if estimator is None else getattr(estimator, function, None)


def _are_equal(wanted: Any, given: Any) -> bool:
    """Whether two answers are arrays of the same bits."""
    if type(wanted) is not np.ndarray or type(given) is not np.ndarray:
        return False
    if wanted.dtype != given.dtype or wanted.shape != given.shape:
        return False
    if wanted.dtype == object:
        return bool(wanted.tolist() == given.tolist())
    return wanted.tobytes() == given.tobytes()
