"""The wine model on Triton with this backend, beside `mlflow models serve`, MLServer and BentoML, in turn.

    ./bazelw run -c opt //tests/bench:serving -- --json=/tmp/serving.json --plot=/tmp/serving.png

All servers run; each is asked for a few seconds while the others idle, round after round. A case compares this
project's backend over HTTP with JSON, or gRPC where the case's name ends so, with the peer that does best in it. Cases
of the gateway, which speaks MLflow's scoring protocol, compare it with `mlflow models serve`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from absl import app, flags, logging
from tritonclient.grpc import service_pb2

from mlflow_backend_utils.server import TritonServer
from mlflow_backend_utils.server.driver import take_model
from tests.bench import report, serving_peers
from tests.bench.serving_peers import Question, Wines
from tests.runfiles import runfiles

_JSON = flags.DEFINE_string("json", "", "Where to write the results.")
_PLOT = flags.DEFINE_string("plot", "", "Where to draw them, as PNG.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Alternations of each case.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 3, "Length of one measurement.", lower_bound=0.1)
_PEERS = flags.DEFINE_list("peers", list(serving_peers.PEERS), "Servers to compare with.")
_LOADS = flags.DEFINE_list("loads", ["1x1", "1x8", "1x64", "128x1", "128x8", "128x64"], "ROWSxCLIENTS to measure.")

_MODEL = "wine_1024"
# This project's own, over HTTP with JSON, gRPC, and the gateway with MLflow's scoring protocol.
_OURS = ("http", "grpc", "gateway")
_GOALS = {
    "p50_1row_c1": "<= 0.4",
    "throughput_1row_c8": ">= 6",
    "throughput_1row_c64": ">= 10",
    "throughput_128rows_c8": ">= 4",
    "gateway_p50_c1": "<= 0.5",
    "gateway_throughput_c8": ">= 4",
    "gateway_throughput_c64": ">= 6",
}


@dataclasses.dataclass(frozen=True)
class Load:
    """Requests of so many rows from so many clients at once."""

    rows: int
    clients: int

    @property
    def name(self) -> str:
        """As it ends the names of cases."""
        return f"{self.rows}row{'s' if self.rows > 1 else ''}_c{self.clients}"


@dataclasses.dataclass(frozen=True)
class Contender:
    """A server over one protocol: `measure` loads it for a while and gives what http_load prints."""

    name: str
    measure: Callable[[Load], dict[str, float]]


def _run(command: list[str | Path], **environ: str) -> dict[str, float]:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, check=True, text=True, env=os.environ | environ)
    answer: dict[str, float] = json.loads(done.stdout)
    if answer["errors"]:
        raise RuntimeError(f"{command}: {answer['errors']:.0f} of the answers were errors")
    return answer


def _over_http(name: str, port: int, ask: Callable[[Wines], Question], data: Wines, scratch: Path) -> Contender:
    def measure(load: Load) -> dict[str, float]:
        question = ask(data.rows(load.rows))
        headers, body = scratch / "headers", scratch / "body"
        headers.write_text(question.headers, encoding="utf-8")
        body.write_bytes(question.body)
        tool = runfiles.path("HTTP_LOAD")
        return _run([tool, str(port), question.path, headers, body, str(load.clients), str(_SECONDS.value)])

    return Contender(name, measure)


def _over_grpc(url: str, data: Wines, scratch: Path) -> Contender:
    def measure(load: Load) -> dict[str, float]:
        rows = data.rows(load.rows)
        message = service_pb2.ModelInferRequest(model_name=_MODEL)  # type: ignore[attr-defined]
        for name, column in zip(rows.columns, rows.values.T, strict=True):
            message.inputs.add(name=name, datatype="FP64", shape=[len(column), 1])
            message.raw_input_contents.append(column.tobytes())
        request = scratch / "request"
        request.write_bytes(message.SerializeToString())
        tool = Path(__file__).with_name("grpc_load.py")
        command = [sys.executable, tool, url, request, str(load.clients), str(_SECONDS.value)]
        return _run(command, PYTHONPATH=os.pathsep.join(sys.path))

    return Contender("grpc", measure)


@contextlib.contextmanager
def _running() -> Iterator[list[Contender]]:
    """All contenders, ours first; they have answered the same."""
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))))
        take_model(runfiles.path("MODEL"), scratch / "models" / _MODEL)
        model = next((scratch / "models" / _MODEL).glob("1"))
        split = json.loads((model / "input_example.json").read_text(encoding="utf-8"))
        data = Wines(split["columns"], np.array(split["data"], np.float64))
        server = stack.enter_context(
            TritonServer(scratch / "models", runfiles.path("TRITONSERVER"), [runfiles.path("BACKEND")])
        )
        port = int(server.http_url.rpartition(":")[2])
        asks: dict[str, tuple[int, Callable[[Wines], Question]]] = {
            "http": (port, lambda rows: serving_peers.v2_question(_MODEL, rows))
        }
        gateway = stack.enter_context(
            serving_peers.gateway(runfiles.path("UTILS"), server.grpc_url, _MODEL, model, scratch, data)
        )
        asks["gateway"] = gateway.port, gateway.question
        environment = runfiles.path("PEERS").resolve()
        for name in _PEERS.value:
            peer = stack.enter_context(serving_peers.running(name, environment, model, scratch, data))
            asks[name] = (peer.port, peer.question)
        answers = {name: serving_peers.ask(where, ask(data.rows(128))) for name, (where, ask) in asks.items()}
        if len({str(answer) for answer in answers.values()}) != 1:
            raise RuntimeError(f"the servers answer differently: {answers}")
        contenders = [_over_http(name, where, ask, data, scratch) for name, (where, ask) in asks.items()]
        yield [contenders[0], _over_grpc(server.grpc_url, data, scratch), *contenders[1:]]


def _results(load: Load, measured: dict[str, list[dict[str, float]]]) -> Iterator[report.Result]:
    """Rows of the report of one load: latency and throughput, each protocol with the best peer."""
    for kind, unit, value, best in (
        ("p50", "µs", lambda one: one["p50"], min),
        ("throughput", "requests/s", lambda one: one["requests"] / one["seconds"], max),
    ):
        values = {name: [value(one) for one in rounds] for name, rounds in measured.items()}
        medians = {name: statistics.median(rounds) for name, rounds in values.items() if name not in _OURS}
        peer = best(medians, key=lambda name: medians[name])
        case = f"{kind}_{load.name}"
        if "mlflow" in values:
            rows = "" if load.rows == 1 else f"{load.rows}rows_"
            name = f"gateway_{kind}_{rows}c{load.clients}"
            yield report.Result(name, unit, values["gateway"], values["mlflow"], "mlflow", _GOALS.get(name, ""))
        yield report.Result(case, unit, values["http"], values[peer], peer, _GOALS.get(case, ""))
        yield report.Result(f"{case}_grpc", unit, values["grpc"], values[peer], peer, "")


def main(_argv: list[str]) -> None:
    if unknown := set(_PEERS.value) - set(serving_peers.PEERS):
        raise app.UsageError(
            f"--peers: unknown {', '.join(sorted(unknown))}; there are {', '.join(serving_peers.PEERS)}"
        )
    loads = [Load(*map(int, text.split("x"))) for text in _LOADS.value]
    results = []
    with _running() as contenders:
        for load in loads:
            measured: dict[str, list[dict[str, float]]] = {one.name: [] for one in contenders}
            for turn in range(-1, _ROUNDS.value):
                for one in contenders if turn % 2 == 0 else reversed(contenders):
                    answer = one.measure(load)
                    if turn >= 0:  # the first is to warm up
                        measured[one.name].append(answer)
            results += _results(load, measured)
            for name, rounds in measured.items():
                rate = statistics.median(one["requests"] / one["seconds"] for one in rounds)
                logging.info("%s %s: %.0f requests/s", load.name, name, rate)
    title = "mlflow backend on Triton 24.10 : best of MLflow, MLServer, BentoML"
    report.publish(results, _JSON.value, _PLOT.value, title)


if __name__ == "__main__":
    app.run(main)
