"""How long the gateway takes for a large tensor, through shared memory and over the connection (peer), in turn.

./bazelw run //tests/bench:shared_memory -- --json=/tmp/memory.json --plot=/tmp/memory.png
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
from absl import app, flags

from mlflow_backend_utils.gateway import shared_memory
from mlflow_backend_utils.gateway.triton import Triton
from mlflow_backend_utils.server import TritonServer
from tests.bench import report
from tests.runfiles import runfiles

_JSON = flags.DEFINE_string("json", "", "Where to write the results.")
_PLOT = flags.DEFINE_string("plot", "", "Where to draw them, as PNG.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Alternations of each case.", lower_bound=1)
_REQUESTS = flags.DEFINE_integer("requests", 50, "Requests of one measurement, whose median counts.", lower_bound=1)
_KIB = flags.DEFINE_multi_integer("kib", [16, 64, 256, 1024, 16384], "Size of the tensor; repeatable.", lower_bound=1)

_MODEL = "first"
_CONFIG = """
backend: "python"
input {{ name: "x" data_type: TYPE_FP32 dims: -1 }}
output {{ name: "y" data_type: TYPE_FP32 dims: 1 }}
parameters {{ key: "EXECUTION_ENV_PATH" value {{ string_value: "{environment}" }} }}
"""
_GOALS = {1024: "<= 0.5"}


def _repository(folder: Path) -> Path:
    model = folder / _MODEL
    (model / "1").mkdir(parents=True)
    shutil.copyfile(Path(__file__).parent / "models" / _MODEL / "model.py", model / "1" / "model.py")
    environment = runfiles.path("ENVIRONMENT").resolve()
    (model / "config.pbtxt").write_text(_CONFIG.format(environment=environment), encoding="utf-8")
    (model / "triton_python_backend_stub").symlink_to(runfiles.path("STUB").resolve())
    return folder


async def _median(connection: Triton, kib: int) -> float:
    """Microseconds of a request."""
    tensors = {"x": np.arange(kib * 256, dtype=np.float32)}
    times = []
    for _ in range(_REQUESTS.value):
        start = time.perf_counter()
        await connection.infer(_MODEL, "", tensors, {}, 60)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


async def _results(url: str) -> list[report.Result]:
    ours, peer = Triton(url), Triton(url, shares_memory=False)
    results = []
    for kib in _KIB.value:
        rounds: dict[Triton, list[float]] = {ours: [], peer: []}
        for turn in range(-1, _ROUNDS.value):
            for side in (ours, peer) if turn % 2 else (peer, ours):
                value = await _median(side, kib)
                if turn >= 0:  # the first is to warm up
                    rounds[side].append(value)
        results.append(report.Result(f"p50_{kib}kib", "µs", rounds[ours], rounds[peer], "gRPC", _GOALS.get(kib, "")))
    await ours.close()
    await peer.close()
    return results


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments {argv[1:]}")
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as scratch,
        # Every size through shared memory, to see from which on it is worth it.
        mock.patch.object(shared_memory, "LEAST_BYTES", 1),
        TritonServer(_repository(Path(scratch)), runfiles.path("TRITONSERVER"), []) as server,
    ):
        results = asyncio.run(_results(server.grpc_url))
    report.publish(results, _JSON.value, _PLOT.value, "gateway to Triton: shared memory : gRPC")


if __name__ == "__main__":
    app.run(main)
