"""Boosted trees of LightGBM and XGBoost, in each form in which MLflow saves them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm as lgb
import mlflow
import numpy as np
import pandas as pd
import xgboost as xgb
from mlflow.models import infer_signature
from saving import Save
from sklearn import datasets

# Small, and the same in every run: sums of several threads are not.
_LIGHTGBM: dict[str, Any] = {"num_threads": 1, "seed": 0, "verbose": -1, "deterministic": True, "min_data_in_leaf": 5}
_XGBOOST: dict[str, Any] = {"nthread": 1, "seed": 0, "max_depth": 3}
_ROUNDS = 5


def _saved(flavor: Any, model: Any, data: Any, answer: Any, **options: Any) -> Save:
    return lambda folder, requirements: flavor.save_model(
        model,
        path=folder,
        signature=infer_signature(data, answer),
        input_example=data[:3],
        pip_requirements=requirements,
        **options,
    )


def _mixed() -> tuple[pd.DataFrame, np.ndarray]:
    """Columns of several types, one of which numbers categories, with values missing; and a target."""
    chance = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": chance.integers(18, 90, 300).astype(np.int32),
            "income": chance.normal(3e4, 1e4, 300),
            "city": chance.integers(0, 6, 300).astype(np.int32),
            "member": chance.random(300) < 0.5,
        }
    )
    target = frame["income"] / 1e4 + frame["city"] % 3 + 2 * frame["member"]
    frame.loc[frame.index[5::7], "income"] = np.nan
    return frame, target.to_numpy()


def _lightgbm() -> Iterator[tuple[str, Save]]:
    wine = datasets.load_wine(as_frame=True)
    frame, labels = wine.data, wine.target
    settings = {**_LIGHTGBM, "objective": "multiclass", "num_class": 3}
    booster = lgb.train(settings, lgb.Dataset(frame, labels), _ROUNDS)
    yield "lightgbm_booster", _saved(mlflow.lightgbm, booster, frame, booster.predict(frame))
    classifier = lgb.LGBMClassifier(n_estimators=_ROUNDS, **_LIGHTGBM).fit(frame, labels)
    yield "lightgbm_classifier", _saved(mlflow.lightgbm, classifier, frame, classifier.predict(frame))
    names = np.array(["red", "white", "rosé"])[labels]
    named = lgb.LGBMClassifier(n_estimators=_ROUNDS, **_LIGHTGBM).fit(frame, names)
    yield "lightgbm_text_labels", _saved(mlflow.lightgbm, named, frame, named.predict(frame))
    mixed, target = _mixed()
    regressor = lgb.LGBMRegressor(n_estimators=_ROUNDS, **_LIGHTGBM)
    regressor.fit(mixed, target, categorical_feature=["city"])
    yield "lightgbm_categories", _saved(mlflow.lightgbm, regressor, mixed, regressor.predict(mixed))
    ranker = lgb.LGBMRanker(n_estimators=_ROUNDS, **_LIGHTGBM)
    ranker.fit(mixed, (target > np.median(target)).astype(int), group=[100, 200])
    trusted = ["lightgbm.sklearn.LGBMRanker"]
    yield (
        "lightgbm_ranker",
        _saved(mlflow.lightgbm, ranker, mixed, ranker.predict(mixed), skops_trusted_types=trusted),
    )


def _xgboost() -> Iterator[tuple[str, Save]]:
    wine = datasets.load_wine(as_frame=True)
    frame, labels = wine.data, wine.target
    settings = {**_XGBOOST, "objective": "multi:softprob", "num_class": 3}
    booster = xgb.train(settings, xgb.DMatrix(frame, labels), _ROUNDS)
    yield "xgboost_booster", _saved(mlflow.xgboost, booster, frame, booster.predict(xgb.DMatrix(frame)))
    classifier = xgb.XGBClassifier(n_estimators=_ROUNDS, **_XGBOOST).fit(frame, labels)
    yield "xgboost_classifier", _saved(mlflow.xgboost, classifier, frame, classifier.predict(frame))
    mixed, target = _mixed()
    regressor = xgb.XGBRegressor(n_estimators=_ROUNDS, **_XGBOOST).fit(mixed, target)
    yield "xgboost_missing_values", _saved(mlflow.xgboost, regressor, mixed, regressor.predict(mixed))
    matrix = frame.to_numpy(np.float32)
    of_matrix = xgb.XGBRegressor(n_estimators=_ROUNDS, **_XGBOOST).fit(matrix, labels)
    yield (
        "xgboost_matrix_as_json",
        _saved(mlflow.xgboost, of_matrix, matrix, of_matrix.predict(matrix), model_format="json"),
    )


def _artifact() -> Iterator[tuple[str, Save]]:
    """A model from code with a LightGBM model as its artifact."""
    wine = datasets.load_wine(as_frame=True)
    booster = lgb.train({**_LIGHTGBM, "objective": "regression"}, lgb.Dataset(wine.data, wine.target), _ROUNDS)

    def save(folder: Path, requirements: list[str]) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, "booster.txt")
            booster.save_model(path)
            mlflow.pyfunc.save_model(
                folder,
                python_model=str(Path(__file__).with_name("from_artifact.py")),
                artifacts={"booster": str(path)},
                signature=infer_signature(wine.data, pd.DataFrame({"prediction": [0.5], "own_openmp": [True]})),
                input_example=wine.data[:3],
                pip_requirements=requirements,
            )
        if not mlflow.pyfunc.load_model(str(folder)).predict(wine.data)["own_openmp"].all():
            sys.exit("LightGBM uses an OpenMP runtime that the environment does not bring")

    yield "pyfunc_with_an_artifact", save


def all_boosters() -> dict[str, Save]:
    """What saves a model in a folder, by the model's name."""
    return dict([*_lightgbm(), *_xgboost(), *_artifact()])
