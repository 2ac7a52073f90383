"""The sklearn flavor: when its estimators get arrays, and that nobody sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import mlflow.sklearn
import numpy as np
import pandas as pd
from absl.testing import absltest, parameterized
from mlflow.models import infer_signature
from sklearn import compose, datasets, linear_model, pipeline, preprocessing

from mlflow_backend import metadata, requests, schema
from mlflow_backend.adapters import sklearn


def _in_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The same in another order in memory, that of the backend; sums are computed in another one, too."""
    return pd.DataFrame(np.asfortranarray(frame.to_numpy()), columns=frame.columns, copy=False)


_WINE = datasets.load_wine(as_frame=True)
_WINE.data = _in_columns(_WINE.data)


def _ask(adapter: sklearn.Adapter, model_schema: schema.ModelSchema, frame: pd.DataFrame, **parameters: Any) -> Any:
    """The answer to a DataFrame's columns as Triton hands them over."""
    tensors = {name: frame[name].to_numpy().reshape(-1, 1) for name in frame}
    return adapter.predict(requests.decode(tensors, parameters, model_schema))


class SklearnTest(parameterized.TestCase):
    def _save(self, model: Any, frame: pd.DataFrame, answer: Any = None, **options: Any) -> Path:
        folder = Path(self.create_tempdir().full_path) / "model"
        answer = model.predict(frame) if answer is None else answer
        # Every MLflow knows this format.
        options |= {"serialization_format": "cloudpickle", "pip_requirements": ["scikit-learn"]}
        mlflow.sklearn.save_model(model, folder, signature=infer_signature(frame, answer), **options)
        return folder

    def _adapter(self, folder: Path) -> tuple[sklearn.Adapter, schema.ModelSchema]:
        model = metadata.read(folder)
        model_schema = schema.build(model.signature)
        return sklearn.Adapter(model, model_schema), model_schema

    def _predict(self, folder: Path, frame: pd.DataFrame, **parameters: Any) -> tuple[Any, list[Any]]:
        """An answer, and what the estimator was given for it."""
        seen: list[Any] = []
        kind = linear_model.LinearRegression
        bare = kind.predict

        def watched(model: Any, data: Any) -> Any:
            seen.append(data)
            return bare(model, data)

        with mock.patch.object(kind, "predict", watched):
            loaded = self._adapter(folder)
            seen.clear()
            return _ask(*loaded, frame, **parameters), seen

    @parameterized.parameters("float64", "float32", "int64", "int32")
    def test_columns_of_one_type_are_an_array(self, dtype: str) -> None:
        frame = _WINE.data.astype(dtype)
        model = linear_model.LinearRegression().fit(frame, _WINE.target)
        for example in ({}, {"input_example": frame.head(2)}):
            folder = self._save(model, frame, **example)
            for rows in (1, 3, 100):
                answer, seen = self._predict(folder, frame.head(rows))
                self.assertEqual([type(data) for data in seen], [np.ndarray])
                self.assertEqual(seen[0].dtype, dtype)
                self.assertEqual(answer.tobytes(), model.predict(_in_columns(frame.head(rows))).tobytes())

    def test_content_types_make_frames(self) -> None:
        model = linear_model.LinearRegression().fit(_WINE.data, _WINE.target)
        answer, seen = self._predict(self._save(model, _WINE.data), _WINE.data.head(3), content_type="pd")
        self.assertEqual([type(data) for data in seen], [pd.DataFrame])
        self.assertEqual(answer.tobytes(), model.predict(_in_columns(_WINE.data.head(3))).tobytes())

    @parameterized.parameters("bool", "mixed")
    def test_other_columns_are_frames(self, kind: str) -> None:
        frame = _WINE.data.head(50)[["hue", "ash"]]
        frame = frame > 1 if kind == "bool" else frame.astype({"ash": "int64"})
        model = linear_model.LinearRegression().fit(frame, _WINE.target.head(50))
        answer, seen = self._predict(self._save(model, frame), frame)
        self.assertEqual([type(data) for data in seen], [pd.DataFrame])
        self.assertEqual(answer.tobytes(), model.predict(_in_columns(frame)).tobytes())

    def test_columns_by_name_are_frames(self) -> None:
        scaled = compose.make_column_transformer((preprocessing.StandardScaler(), ["ash", "hue"]))
        model = pipeline.make_pipeline(scaled, linear_model.LinearRegression()).fit(_WINE.data, _WINE.target)
        answer, _ = self._predict(self._save(model, _WINE.data), _WINE.data)
        self.assertEqual(answer.tobytes(), model.predict(_WINE.data).tobytes())

    def test_columns_in_another_order_are_an_error(self) -> None:
        model = linear_model.LinearRegression().fit(_WINE.data, _WINE.target)
        swapped = _WINE.data[list(reversed(_WINE.data.columns))]
        folder = self._save(model, swapped, model.predict(_WINE.data))
        with self.assertRaisesRegex(ValueError, "feature names should match"):
            self._predict(folder, swapped)

    def test_other_functions(self) -> None:
        model = linear_model.LogisticRegression(max_iter=5000).fit(_WINE.data, _WINE.target)
        wanted = model.predict_proba(_WINE.data)
        folder = self._save(model, _WINE.data, wanted, pyfunc_predict_fn="predict_proba")
        with mock.patch.object(sklearn.pyfunc.Adapter, "predict", side_effect=AssertionError):
            adapter, _ = self._adapter(folder)
            self.assertIsNone(adapter._quick, "nothing was compared")
        loaded = self._adapter(folder)
        with mock.patch.object(sklearn.pyfunc.Adapter, "predict", side_effect=AssertionError):
            answer = _ask(*loaded, _WINE.data)
        self.assertEqual(answer.tobytes(), wanted.tobytes())

    @parameterized.parameters(
        lambda data: np.zeros(len(data)),
        lambda data: np.zeros(len(data), np.float32),
        lambda data: [0.0] * len(data),
        lambda data: data[0, 10**6],
    )
    def test_another_answer_is_not_taken(self, other: Any) -> None:
        """Should scikit-learn ever treat arrays otherwise."""
        model = linear_model.LinearRegression().fit(_WINE.data, _WINE.target)
        folder = self._save(model, _WINE.data)
        bare = linear_model.LinearRegression.predict

        def differs(model: Any, data: Any) -> Any:
            return other(data) if isinstance(data, np.ndarray) else bare(model, data)

        with mock.patch.object(linear_model.LinearRegression, "predict", differs):
            answer = _ask(*self._adapter(folder), _WINE.data)
        self.assertEqual(answer.tobytes(), model.predict(_WINE.data).tobytes())

    def test_missing_values_are_the_same_error(self) -> None:
        model = linear_model.LinearRegression().fit(_WINE.data, _WINE.target)
        frame = _WINE.data.head(2).replace(_WINE.data.iloc[0, 0], np.nan)
        with self.assertRaises(ValueError) as wanted:
            model.predict(frame)
        with self.assertRaises(ValueError) as given:
            self._predict(self._save(model, _WINE.data), frame)
        self.assertEqual(str(given.exception), str(wanted.exception))


if __name__ == "__main__":
    absltest.main()
