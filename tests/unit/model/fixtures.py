"""Small MLflow model folders, with and without MLflow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MLMODEL = """\
flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
mlflow_version: 3.17.2
model_size_bytes: 1
model_uuid: 1234
run_id: abcd
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
utc_time_created: '2026-01-02 03:04:05.678901'
"""

_TRAIN = """
import sys, warnings
sys.path[:0] = sys.argv[3:]
warnings.simplefilter("ignore")
import mlflow, numpy
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
x = numpy.arange(60, dtype=float).reshape(20, 3) % 7
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, (x[:, 0] > 3).astype(int))
signature = mlflow.models.infer_signature(x, model.predict(x))
mlflow.sklearn.save_model(model, sys.argv[1], signature=signature, input_example=x[:2],
                          serialization_format=sys.argv[2], pip_requirements=["scikit-learn"])
"""


def written(folder: Path, mlmodel: str = MLMODEL, requirements: str = "") -> Path:
    """A model folder with the given MLmodel and requirements, and nothing to load."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLmodel").write_text(mlmodel, encoding="utf-8")
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    return folder


def trained(folder: Path, serialization_format: str) -> Path:
    """Train and save a small scikit-learn model in a process of its own."""
    command = [sys.executable, "-B", "-c", _TRAIN, str(folder), serialization_format, *sys.path]
    environ = {"PYTHONHASHSEED": "0", "HOME": str(folder.parent), "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    return folder
