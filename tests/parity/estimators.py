"""Models of other flavors and forms: scikit-learn, functions, type hints, chat."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import shouting
from mlflow.models import infer_signature
from saving import Save
from sklearn import cluster, compose, datasets, ensemble, linear_model, neighbors, pipeline, preprocessing, svm, tree
from sklearn.feature_extraction.text import TfidfVectorizer

# MLflow 2 pickles estimators; 3 knows skops, too.
KNOWS_SKOPS = "skops_trusted_types" in inspect.signature(mlflow.sklearn.save_model).parameters

# What skops loads only from people who are trusted.
_TRUSTED = {
    "tree": ["sklearn.tree._tree.Tree"],
    "neighbours": ["sklearn.metrics._dist_metrics.EuclideanDistance64", "sklearn.neighbors._kd_tree.KDTree"],
}


def _sklearn(model: Any, data: Any, answer: Any = None, trusted: str | None = None, **options: Any) -> Save:
    """Saves a fitted estimator.

    Args:
      answer: what it predicts, if not `model.predict(data)`.
      trusted: key of `_TRUSTED`, where skops needs one.
    """
    if trusted and KNOWS_SKOPS:
        options["skops_trusted_types"] = _TRUSTED[trusted]

    def save(folder: Path, requirements: list[str]) -> None:
        mlflow.sklearn.save_model(
            model,
            folder,
            signature=infer_signature(data, model.predict(data) if answer is None else answer),
            input_example=data[:3],
            pip_requirements=requirements,
            **options,
        )

    return save


def _estimators() -> Iterator[tuple[str, Save]]:
    wine = datasets.load_wine(as_frame=True)
    frame, labels = wine.data, wine.target
    scaled = preprocessing.StandardScaler()
    logistic = pipeline.make_pipeline(scaled, linear_model.LogisticRegression(max_iter=1000)).fit(frame, labels)
    yield "sklearn_logistic", _sklearn(logistic, frame)
    yield (
        "sklearn_probabilities",
        _sklearn(logistic, frame, logistic.predict_proba(frame), pyfunc_predict_fn="predict_proba"),
    )
    names = np.array(["red", "white", "rosé"])[labels]
    decisions = tree.DecisionTreeClassifier(random_state=0).fit(frame, names)
    yield "sklearn_text_labels", _sklearn(decisions, frame, trusted="tree")
    yield "sklearn_matrix", _sklearn(svm.SVC().fit(frame.to_numpy(), labels), frame.to_numpy())
    ridge = linear_model.Ridge().fit(frame, frame[["alcohol", "ash"]])
    yield "sklearn_two_targets", _sklearn(ridge, frame)
    yield "sklearn_clusters", _sklearn(cluster.KMeans(n_clusters=3, n_init=1, random_state=0).fit(frame), frame)
    forest = ensemble.IsolationForest(n_estimators=5, random_state=0).fit(frame)
    yield "sklearn_outliers", _sklearn(forest, frame, serialization_format="cloudpickle")
    near = neighbors.KNeighborsRegressor().fit(frame, frame["hue"])
    yield "sklearn_neighbours", _sklearn(near, frame, trusted="neighbours")
    texts = pd.DataFrame({"text": ["good wine", "bad wine", "good grapes", "sour grapes"]})
    words = compose.make_column_transformer((TfidfVectorizer(), "text"))
    rated = pipeline.make_pipeline(words, linear_model.LogisticRegression()).fit(texts, [1, 0, 1, 0])
    yield "sklearn_texts", _sklearn(rated, texts)
    people = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "city": ["Rome", "Oslo", "Rome", "Lima"]})
    coded = compose.make_column_transformer(
        (preprocessing.OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough"
    )
    mixed = pipeline.make_pipeline(coded, linear_model.LinearRegression()).fit(people, [1.0, 2.0, 3.0, 4.0])
    yield "sklearn_mixed_columns", _sklearn(mixed, people)


def _pyfunc(**options: Any) -> Save:
    return lambda folder, requirements: mlflow.pyfunc.save_model(folder, pip_requirements=requirements, **options)


def _functions() -> Iterator[tuple[str, Save]]:
    code = [str(Path(__file__).with_name("shouting.py"))]
    yield "function_of_texts", _pyfunc(python_model=shouting.shout, input_example=["a", "zwölf"], code_paths=code)
    yield "function_of_numbers", _pyfunc(python_model=shouting.double, input_example=[0.1, 2.0], code_paths=code)


def all_estimators() -> dict[str, Save]:
    """What saves a model in a folder, by the model's name."""
    return dict([*_estimators(), *_functions()])
