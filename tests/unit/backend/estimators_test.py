"""Estimators on arrays answer bit for bit what they answer on DataFrames."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from absl.testing import absltest, parameterized
from sklearn import (
    cluster,
    compose,
    datasets,
    ensemble,
    linear_model,
    multiclass,
    neighbors,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.base import BaseEstimator
from sklearn.utils.discovery import all_estimators

from mlflow_backend import estimators

_FUNCTIONS = ("predict", "predict_proba", "predict_log_proba")


def _wine() -> tuple[pd.DataFrame, Any]:
    """Wines, their values between 0 and 1, and their classes."""
    wine = datasets.load_wine(as_frame=True)
    values = preprocessing.MinMaxScaler().fit_transform(wine.data.iloc[::3])
    return pd.DataFrame(values, columns=wine.data.columns), wine.target.iloc[::3]


class _Stranger(linear_model.LinearRegression):  # type: ignore[misc]
    """Somebody's own estimator may look at what it gets."""


class EstimatorsTest(parameterized.TestCase):
    def _check_twin(self, model: Any, columns: list[str]) -> int:
        """Fails if the twin of a fitted estimator answers something else; how many answers were compared."""
        twin = estimators.on_arrays(model)
        self.assertIsNotNone(twin, model)
        names = list(getattr(model, "feature_names_in_", ()))
        generator = np.random.default_rng(0)
        compared = 0
        for rows in (1, 2, 7, 40):
            block = np.asfortranarray(generator.random((rows, len(columns))))
            frame = pd.DataFrame(block, columns=columns, copy=False)
            for function in _FUNCTIONS:
                try:
                    answer = getattr(model, function)(frame)
                except (AttributeError, ValueError):  # has no such function, or no neighbours of these rows
                    continue
                with warnings.catch_warnings():
                    warnings.filterwarnings("error", message=".*feature names")
                    given = getattr(twin, function)(block)
                self.assertEqual(answer.dtype, given.dtype, model)
                self.assertEqual(answer.tobytes(), given.tobytes(), f"{model}.{function} of {rows} rows")
                compared += 1
        self.assertEqual(list(getattr(model, "feature_names_in_", ())), names, "the model itself has changed")
        return compared

    def test_every_estimator_that_predicts(self) -> None:
        frame, classes = _wine()
        checked = []
        for name, kind in all_estimators(type_filter=["classifier", "regressor", "cluster"]):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    model = kind().fit(frame, classes)
                except (TypeError, ValueError):  # wants an estimator, one column, or several targets
                    continue
                if not hasattr(model, "predict") or estimators.on_arrays(model) is None:
                    continue
                if self._check_twin(model, list(frame)):
                    checked.append(name)
        self.assertGreaterEqual(len(checked), 75, checked)

    @parameterized.named_parameters(
        ("scaler", preprocessing.StandardScaler()),
        ("polynomials", preprocessing.PolynomialFeatures(2)),
        ("quantiles", preprocessing.QuantileTransformer(n_quantiles=20)),
        ("bins", preprocessing.KBinsDiscretizer(4, encode="ordinal")),
        ("clusters", cluster.KMeans(3, n_init=1, random_state=0)),
        ("nothing", "passthrough"),
        ("none", None),
    )
    def test_pipelines(self, step: Any) -> None:
        frame, classes = _wine()
        steps = [("first", step), ("scaled", preprocessing.MinMaxScaler()), ("last", svm.SVC())]
        self.assertEqual(self._check_twin(pipeline.Pipeline(steps).fit(frame, classes), list(frame)), 4)

    @parameterized.named_parameters(
        (
            "columns",
            compose.make_column_transformer((preprocessing.StandardScaler(), ["hue"]), remainder="passthrough"),
        ),
        ("function", preprocessing.FunctionTransformer(lambda frame: frame[["hue"]])),
        ("union", pipeline.make_union(preprocessing.StandardScaler(), preprocessing.MinMaxScaler())),
        ("output", preprocessing.StandardScaler().set_output(transform="pandas")),
    )
    def test_steps_that_want_frames(self, step: Any) -> None:
        frame, classes = _wine()
        model = pipeline.make_pipeline(step, tree.DecisionTreeClassifier(random_state=0)).fit(frame, classes)
        self.assertIsNone(estimators.on_arrays(model))

    @parameterized.named_parameters(
        ("own", ensemble.VotingRegressor([("own", linear_model.Ridge()), ("other", linear_model.Lasso())])),
        ("stranger", ensemble.VotingRegressor([("stranger", _Stranger())])),
        ("bag", ensemble.BaggingRegressor(_Stranger())),
        ("target", compose.TransformedTargetRegressor(linear_model.Ridge())),
        ("pipeline", pipeline.Pipeline([("inner", pipeline.make_pipeline(neighbors.KNeighborsRegressor()))])),
        ("alone", _Stranger()),
    )
    def test_who_hands_on_what_it_gets(self, model: BaseEstimator) -> None:
        frame, classes = _wine()
        self.assertIsNone(estimators.on_arrays(model.fit(frame, classes)))

    def test_parts_that_get_arrays(self) -> None:
        frame, classes = _wine()
        bagged = ensemble.BaggingClassifier(svm.SVC(), random_state=0).fit(frame, classes)
        self.assertGreater(self._check_twin(bagged, list(frame)), 4)
        rest = multiclass.OneVsRestClassifier(svm.SVC()).fit(frame.to_numpy(), classes)
        twin = estimators.on_arrays(rest)
        self.assertEqual(twin.predict(frame.to_numpy()).tolist(), rest.predict(frame.to_numpy()).tolist())

    def test_what_is_no_estimator(self) -> None:
        self.assertIsNone(estimators.on_arrays(object()))
        self.assertIsNone(estimators.on_arrays(None))

    def test_learnt_values_are_shared(self) -> None:
        frame, classes = _wine()
        model = ensemble.RandomForestClassifier(3, random_state=0).fit(frame, classes)
        self.assertIs(estimators.on_arrays(model).estimators_, model.estimators_)


if __name__ == "__main__":
    absltest.main()
