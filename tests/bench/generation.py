"""Streamed text of a transformers pipeline on Triton, beside the same pipeline in a bare process, in turn.

    ./bazelw run -c opt //tests/bench:generation -- --json=/tmp/generation.json --plot=/tmp/generation.png

Both run in the same execution environment; one idles while the other works. The first token counts on the bare side as
soon as the model has it, on the server's when the client has its text.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tritonclient.grpc as grpcclient
from absl import app, flags

from mlflow_backend_utils.server import TritonServer
from mlflow_backend_utils.server.driver import take_model
from tests.bench import report
from tests.runfiles import runfiles

_JSON = flags.DEFINE_string("json", "", "Where to write the results.")
_PLOT = flags.DEFINE_string("plot", "", "Where to draw them, as PNG.")
_ROUNDS = flags.DEFINE_integer("rounds", 30, "Alternations.", lower_bound=1)
_TOKENS = flags.DEFINE_integer("tokens", 48, "Length of a text.", lower_bound=2)
# As many as there are processors would take turns with the server and the client, which the bare pipeline has not.
_THREADS = flags.DEFINE_integer(
    "threads", max(1, (os.cpu_count() or 2) - 1), "Threads of the model on both sides.", lower_bound=1
)

_MODEL = "generator"
_TEXT = "The server answers each request on its own, and the model's answer comes word by word"
_STREAMS = 4


class Moments(NamedTuple):
    """Seconds from the request to the first and to the last of a text."""

    first: float
    last: float


def _threads() -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(_THREADS.value)}


@contextlib.contextmanager
def _bare(model: Path) -> Iterator[Callable[[], Moments]]:
    python = runfiles.path("ENVIRONMENT").resolve() / "bin/python3"
    program = Path(__file__).with_name("bare_generation.py")
    command = [str(python), "-I", str(program), str(model)]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | _threads()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdin is not None and process.stdout is not None
        lines, answers = process.stdin, process.stdout
        if answers.readline().strip() != "ready":
            raise RuntimeError("the bare pipeline did not start")

        def ask() -> Moments:
            print(
                json.dumps({"text": _TEXT, "max_new_tokens": _TOKENS.value, "do_sample": False}), file=lines, flush=True
            )
            return Moments(**json.loads(answers.readline()))

        yield ask
        lines.close()


def _over_grpc(client: grpcclient.InferenceServerClient, answers: queue.Queue[Any]) -> Moments:
    tensor = grpcclient.InferInput("text", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[_TEXT.encode()]], np.object_))
    start = time.perf_counter()
    client.async_stream_infer(
        _MODEL, [tensor], parameters={"max_new_tokens": _TOKENS.value}, enable_empty_final_response=True
    )
    first = last = 0.0
    while True:
        result, error, moment = answers.get(timeout=60)
        if error is not None:
            raise error
        if result.get_response().parameters["triton_final_response"].bool_param:
            return Moments(first, last)
        last = moment - start
        first = first or last


@contextlib.contextmanager
def _grpc_stream(server: TritonServer) -> Iterator[Callable[[], Moments]]:
    answers: queue.Queue[Any] = queue.Queue()
    with grpcclient.InferenceServerClient(server.grpc_url) as client:
        client.start_stream(lambda result, error: answers.put((result, error, time.perf_counter())))
        yield lambda: _over_grpc(client, answers)
        client.stop_stream()


def _over_http(server: TritonServer) -> Moments:
    body = json.dumps({"text": _TEXT, "max_new_tokens": _TOKENS.value})
    with contextlib.closing(http.client.HTTPConnection(server.http_url, timeout=60)) as connection:
        connection.connect()
        start = time.perf_counter()
        connection.request("POST", f"/v2/models/{_MODEL}/generate_stream", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        moments = [time.perf_counter() - start for line in answer if line.startswith(b"data:")]
    return Moments(moments[0], moments[-1])


def main(_argv: list[str]) -> None:
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))))
        take_model(runfiles.path("MODEL"), scratch / "models" / _MODEL)
        server = stack.enter_context(
            TritonServer(scratch / "models", runfiles.path("TRITONSERVER"), [runfiles.path("BACKEND")], env=_threads())
        )
        streams = [stack.enter_context(_grpc_stream(server)) for _ in range(_STREAMS)]
        sides = {
            "bare": stack.enter_context(_bare(scratch / "models" / _MODEL / "1")),
            "grpc": streams[0],
            "http": lambda: _over_http(server),
        }
        measured: dict[str, list[Moments]] = {name: [] for name in sides}
        together: list[float] = []
        with ThreadPoolExecutor(_STREAMS) as pool:
            for turn in range(-3, _ROUNDS.value):
                for name, ask in sides.items() if turn % 2 == 0 else reversed(sides.items()):
                    moments = ask()
                    if turn >= 0:  # the first are to warm up
                        measured[name].append(moments)
                if turn >= 0 and turn % 5 == 0:
                    start = time.perf_counter()
                    list(pool.map(lambda ask: ask(), streams))
                    together.append(_STREAMS * _TOKENS.value / (time.perf_counter() - start))
    first = {name: [1e3 * moments.first for moments in rounds] for name, rounds in measured.items()}
    rate = {
        # From the first to the last there is one less.
        name: [(_TOKENS.value - 1) / (moments.last - moments.first) for moments in rounds]
        for name, rounds in measured.items()
    }
    results = [
        report.Result("ttft", "ms", first["grpc"], first["bare"], "bare pipeline", "<= 1.2"),
        report.Result("ttft_http", "ms", first["http"], first["bare"], "bare pipeline", "<= 1.2"),
        report.Result("rate", "tokens/s", rate["grpc"], rate["bare"], "bare pipeline", ""),
        report.Result("rate_http", "tokens/s", rate["http"], rate["bare"], "bare pipeline", ""),
        report.Result(f"rate_{_STREAMS}_streams", "tokens/s", together, rate["bare"], "bare pipeline", ""),
    ]
    report.publish(results, _JSON.value, _PLOT.value, "streamed text on Triton 24.10 : the bare pipeline")


if __name__ == "__main__":
    app.run(main)
