"""What the backend adds to a bare `predict`, without a server: from a request's tensors to the answer's.

    ./bazelw run //tests/bench:overhead -- --json=/tmp/overhead.json --plot=/tmp/overhead.png

A linear regression of double columns is asked for one row in the environment of //repo:wine_env, in turn by
`Service.answer` (ours: checks, decoding, `predict`, encoding) and by `predict` of the loaded MLflow model with a ready
DataFrame (peer). Of each size two differences are cases of their own: `added`, ours less the peer; and `own`, ours less
what it spends in the model's `predict`, which is what the backend itself costs: it spares the model MLflow's check of
columns that decoding has made right, and scikit-learn its own of a DataFrame, so that `added` may be below zero.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from absl import app, flags

from tests.bench import report
from tests.runfiles import runfiles

_JSON = flags.DEFINE_string("json", "", "Where to write the results.")
_PLOT = flags.DEFINE_string("plot", "", "Where to draw them, as PNG.")
_ROUNDS = flags.DEFINE_integer("rounds", 10, "Alternations of each case.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 1, "Length of one measurement, whose median counts.", lower_bound=0.01)
_COLUMNS = flags.DEFINE_multi_integer("columns", [10, 600], "Double columns of the model; repeatable.", lower_bound=1)

_GOALS = {10: "<= 300"}


def _measure(columns: int) -> dict[str, list[float]]:
    """Rounds of `ours`, `bare` and `predict`, in microseconds; see overhead_rounds.py."""
    python = runfiles.path("ENVIRONMENT") / "bin" / "python3"
    program = Path(__file__).with_name("overhead_rounds.py")
    counts = [str(count) for count in (columns, _ROUNDS.value, _SECONDS.value)]
    done = subprocess.run(
        [python, "-B", program, *counts],
        env={"PATH": os.defpath, "PYTHONPATH": str(runfiles.path("BACKEND")), "MLFLOW_LOGGING_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    rounds: dict[str, list[float]] = json.loads(done.stdout)
    return rounds


def _results(columns: int) -> Iterator[report.Result]:
    rounds = _measure(columns)
    ours, bare, predict = rounds["ours"], rounds["bare"], rounds["predict"]
    size, goal = f"{columns}columns", _GOALS.get(columns, "")
    yield report.Result(f"p50_{size}", "µs", ours, bare, "predict", "")
    for name, spared in (("added", bare), ("own", predict)):
        difference = [one - other for one, other in zip(ours, spared, strict=True)]
        yield report.Result(f"{name}_{size}", "µs", difference, [], "", goal)


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments {argv[1:]}")
    results = [result for columns in _COLUMNS.value for result in _results(columns)]
    report.publish(results, _JSON.value, _PLOT.value, "mlflow backend : bare predict, one row")


if __name__ == "__main__":
    app.run(main)
