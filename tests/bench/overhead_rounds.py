"""Times one model's `predict` alone and behind the backend; runs in an environment that serves models.

usage: overhead_rounds COLUMNS ROUNDS SECONDS

Prints a JSON object, name -> median of each round in microseconds: `ours`: `Service.answer`; `predict`: that part of it
that the loaded model takes; `bare`: `predict` of the same model as MLflow loads it, of a ready DataFrame.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

from mlflow_backend.service import Request, Service


def _save(folder: Path, columns: int) -> pd.DataFrame:
    """A model of so many columns; returns a row for it."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.random((columns + 1, columns)), columns=[f"x{number}" for number in range(columns)])
    model = LinearRegression().fit(frame, generator.random(len(frame)))
    signature = infer_signature(frame, model.predict(frame))
    mlflow.sklearn.save_model(model, folder, signature=signature, serialization_format="cloudpickle")
    return frame.head(1)


class _Timed:
    """A model's `predict` that notes how long each call takes."""

    def __init__(self, predict: Callable[[Any], Any]) -> None:
        self._predict = predict
        self.nanoseconds: list[int] = []

    def __call__(self, data: Any) -> Any:
        start = time.perf_counter_ns()
        try:
            return self._predict(data)
        finally:
            self.nanoseconds.append(time.perf_counter_ns() - start)


def _median(seconds: float, call: Callable[[], Any]) -> float:
    """Of the calls that so many seconds allow, in microseconds."""
    taken: list[int] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter_ns()
        call()
        taken.append(time.perf_counter_ns() - start)
    return statistics.median(taken) / 1000


def _measure(columns: int, rounds: int, seconds: float) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "model")
        row = _save(folder, columns)
        bare = mlflow.pyfunc.load_model(str(folder))
        service = Service.load(folder, {"max_batch_size": 64})
    # The server hands each column over as [rows, 1].
    request = Request({name: row[name].to_numpy().reshape(-1, 1) for name in row.columns}, {})
    (answer,) = service.answer([request], lambda content: content)
    if not isinstance(answer, dict) or answer["output-0"].ravel().tolist() != bare.predict(row).ravel().tolist():
        raise RuntimeError(f"the backend answers {answer}, and the model {bare.predict(row)}")
    timed = service._adapter._quick = _Timed(service._adapter._quick)
    result: dict[str, list[float]] = {"ours": [], "predict": [], "bare": []}
    for turn in range(-1, rounds):
        ours = _median(seconds, lambda: service.answer([request], lambda content: content))
        alone = _median(seconds, lambda: bare.predict(row))
        if turn >= 0:  # the first is to warm up
            result["ours"].append(ours)
            result["predict"].append(statistics.median(timed.nanoseconds) / 1000)
            result["bare"].append(alone)
        timed.nanoseconds.clear()
    return result


if __name__ == "__main__":
    print(json.dumps(_measure(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
