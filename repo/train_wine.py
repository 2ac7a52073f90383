"""Train a classifier of wines on the data that scikit-learn ships, and save it with MLflow.

usage: train_wine --output FOLDER
"""

from importlib import metadata

import mlflow
from absl import app, flags
from mlflow.models import infer_signature
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

_OUTPUT = flags.DEFINE_string("output", None, "Folder for the model; must not exist yet.", required=True)

# What the model needs to answer; the versions are those it was trained with.
_REQUIREMENTS = ("mlflow-skinny", "numpy", "pandas", "scikit-learn", "skops")


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments {argv[1:]}")
    wines = load_wine(as_frame=True)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(wines.data, wines.target)
    mlflow.sklearn.save_model(
        classifier,
        _OUTPUT.value,
        signature=infer_signature(wines.data, classifier.predict(wines.data)),
        input_example=wines.data.head(5),
        pip_requirements=[f"{name}=={metadata.version(name)}" for name in _REQUIREMENTS],
    )


if __name__ == "__main__":
    app.run(main)
