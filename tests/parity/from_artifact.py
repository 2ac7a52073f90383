"""A model from code that answers with the LightGBM model in its artifact `booster`."""

import sys
from pathlib import Path

import lightgbm as lgb
import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel


def _own_openmp():
    """Whether every OpenMP runtime in this process comes from its environment, and not from the machine."""
    loaded = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libgomp" in line}
    own = [Path(path).is_relative_to(Path(sys.prefix).resolve()) for path in loaded]
    return bool(own) and all(own)


class FromArtifact(PythonModel):
    def load_context(self, context):
        self._booster = lgb.Booster(model_file=context.artifacts["booster"])

    def predict(self, context, model_input, params=None):
        return pd.DataFrame({"prediction": self._booster.predict(model_input), "own_openmp": _own_openmp()})


mlflow.models.set_model(FromArtifact())
