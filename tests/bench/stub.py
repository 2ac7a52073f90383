"""This project's stub beside the one that the server came with, on the same server, in turn.

    ./bazelw run -c opt //tests/bench:stub -- --json=/tmp/stub.json --plot=/tmp/stub.png

Every case runs a few seconds with one stub, then with the other, round after round; the ratio is that of the medians.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from absl import app, flags, logging

from mlflow_backend_utils.server import TritonServer
from tests.bench import report
from tests.conformance import harness, processes, repository
from tests.conformance.repository import Model

_JSON = flags.DEFINE_string("json", "", "Where to write the results.")
_PLOT = flags.DEFINE_string("plot", "", "Where to draw them, as PNG.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Alternations of each case.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 3, "Length of one measurement.", lower_bound=0.1)
_CASES = flags.DEFINE_list("cases", [], "Cases to run; all of them if empty.")

_SIDES = ("ours", "shipped")
_MODELS = Path(__file__).parent / "models"


class Bench:
    """A server with every model twice, once for each stub.

    Args:
      server: the running server.
      repository: its model repository.
    """

    def __init__(self, server: TritonServer, folder: Path):
        self.server = server
        self._folder = folder

    def load(
        self, model: str, inputs: dict[str, np.ndarray], connections: int = 1, outputs: str = "OUT"
    ) -> dict[str, float]:
        """Ask `model` over HTTP for a while; what `http_load` prints.

        Raises:
          RuntimeError: an answer was an error, or not right.
        """
        tensors, body = [], b""
        for name, array in inputs.items():
            data = _bytes_of(array)
            datatype = "BYTES" if array.dtype == np.object_ else "FP32"
            parameters = {"binary_data_size": len(data)}
            tensors.append({"name": name, "shape": array.shape, "datatype": datatype, "parameters": parameters})
            body += data
        wanted = [{"name": outputs, "parameters": {"binary_data": True}}]
        return self._ask(model, {"inputs": tensors, "outputs": wanted}, body, connections)

    def load_stream(self, model: str, count: int) -> float:
        """Ask a decoupled model for `count` responses, again and again, over HTTP; responses a second."""
        (self._folder / "body").write_text(json.dumps({"IN": count}), encoding="utf-8")
        (self._folder / "headers").write_text("Content-Type: application/json\r\n", encoding="utf-8")
        answer = self._run(f"/v2/models/{model}/generate_stream", 1)
        return answer["requests"] * count / answer["seconds"]

    def load_shared(self, model: str, name: str, array: np.ndarray) -> dict[str, float]:
        """The same for input `name`, with it and the output in the client's shared memory: no socket carries them."""
        key = f"{self.server.shm_prefix}client"
        path = Path("/dev/shm", key)
        half = array.nbytes
        try:
            path.write_bytes(array.tobytes() + bytes(half))
            with httpclient.InferenceServerClient(self.server.http_url) as client:
                client.register_system_shared_memory("client", f"/{key}", 2 * half)
                where = {"shared_memory_region": "client", "shared_memory_byte_size": half}
                tensor = {"name": name, "shape": array.shape, "datatype": "FP32", "parameters": where}
                wanted = {"name": "OUT", "parameters": where | {"shared_memory_offset": half}}
                answer = self._ask(model, {"inputs": [tensor], "outputs": [wanted]}, b"", 1)
                client.unregister_system_shared_memory("client")
            if path.read_bytes()[half:] != array.tobytes():
                raise RuntimeError(f"{model}: the output is not the input")
            return answer
        finally:
            path.unlink(missing_ok=True)

    def _ask(self, model: str, request: dict[str, object], body: bytes, connections: int) -> dict[str, float]:
        head = json.dumps(request).encode()
        (self._folder / "body").write_bytes(head + body)
        (self._folder / "headers").write_text(f"Inference-Header-Content-Length: {len(head)}\r\n", encoding="utf-8")
        return self._run(f"/v2/models/{model}/infer", connections)

    def _run(self, path: str, connections: int) -> dict[str, float]:
        port = self.server.http_url.rpartition(":")[2]
        command = [harness.setting("HTTP_LOAD"), port, path, "headers", "body", connections, _SECONDS.value]
        done = subprocess.run(map(str, command), cwd=self._folder, capture_output=True, check=True, text=True)
        answer: dict[str, float] = json.loads(done.stdout)
        if answer["errors"]:
            raise RuntimeError(f"{path}: {answer['errors']:.0f} of the answers were errors")
        return answer

    def cpu_seconds(self, model: str) -> float:
        """Processor time that the stub of `model`, all its processes, has used."""
        total = 0
        for pid in processes.stub_processes(self.server):
            if processes.instance_of(pid) == f"{model}_0_0":
                for task in Path(f"/proc/{pid}/task").iterdir():
                    total += int((task / "schedstat").read_text(encoding="utf-8").split()[0])
        if total == 0:
            raise RuntimeError(f"{model} has no stub")
        return total / 1e9


def _bytes_of(array: np.ndarray) -> bytes:
    if array.dtype != np.object_:
        return array.tobytes()
    return b"".join(len(item).to_bytes(4, "little") + item for item in array.ravel())


_SMALL = {"IN": np.ones((1, 16), np.float32)}
_LARGE = {"IN": np.ones((1, 4 << 20), np.float32)}
_BYTES = {"IN": np.array([[b"%016d" % number for number in range(100_000)]], np.object_)}
_ONE = {"IN": np.ones((1, 1), np.float32)}


def _cpu_16(bench: Bench, side: str) -> float:
    model = f"identity_{side}"
    before = bench.cpu_seconds(model)
    requests = bench.load(model, _SMALL)["requests"]
    return (bench.cpu_seconds(model) - before) / requests * 1e6


def _p50_16(bench: Bench, side: str) -> float:
    return bench.load(f"identity_{side}", _SMALL)["p50"]


def _throughput(model: str, inputs: dict[str, np.ndarray], connections: int = 1) -> Callable[[Bench, str], float]:
    def measure(bench: Bench, side: str) -> float:
        answer = bench.load(f"{model}_{side}", inputs, connections)
        return answer["requests"] / answer["seconds"]

    return measure


def _throughput_shared(model: str, name: str) -> Callable[[Bench, str], float]:
    def measure(bench: Bench, side: str) -> float:
        answer = bench.load_shared(f"{model}_{side}", name, _LARGE["IN"])
        return answer["requests"] / answer["seconds"]

    return measure


def _throughput_floor(bench: Bench, side: str) -> float:
    return _throughput_shared("kept" if side == "ours" else "identity", "IN")(bench, side)


def _decoupled(bench: Bench, side: str) -> float:
    return bench.load_stream(f"decoupled_{side}", 1000)


def _load_ready(model: str) -> Callable[[Bench, str], float]:
    def measure(bench: Bench, side: str) -> float:
        name = f"{model}_{side}"
        times = []
        with grpcclient.InferenceServerClient(bench.server.grpc_url) as client:
            for _ in range(3):
                start = time.monotonic()
                client.load_model(name)
                times.append(time.monotonic() - start)
                client.unload_model(name)
                harness.wait_for(
                    lambda: all(
                        entry.get("state") not in ("READY", "UNLOADING")
                        for entry in client.get_model_repository_index(as_json=True)["models"]
                        if entry["name"] == name
                    ),
                    "unloading",
                )
        return min(times) * 1e3

    return measure


# Name, unit, goal for the ratio, and what measures one round.
_TABLE: list[tuple[str, str, str, Callable[[Bench, str], float]]] = [
    ("cpu_16", "µs of the stub per request", "<= 0.4", _cpu_16),
    ("p50_16_c1", "µs", "<= 0.8", _p50_16),
    ("throughput_16_c8", "requests/s", ">= 1.4", _throughput("identity", _SMALL, 8)),
    # The server puts the data of an input right behind its name (spec section 3.5), so it depends on the length of the
    # name whether NumPy can use them where they are.
    ("throughput_16mib", "requests/s", ">= 2", _throughput_shared("aligned", "INPUT__0")),
    ("throughput_16mib_misaligned", "requests/s", "(short name)", _throughput_shared("identity", "IN")),
    # With no copy in the stub at all: the rest is the server's.
    ("throughput_16mib_floor", "requests/s", "(floor)", _throughput_floor),
    ("throughput_16mib_http", "requests/s", "(sockets)", _throughput("identity", _LARGE)),
    ("bytes_100k", "requests/s", ">= 10", _throughput("strings", _BYTES)),
    ("decoupled_1000", "responses/s", ">= 1.5", _decoupled),
    ("bls_async_20", "requests/s", ">= 1.5", _throughput("bls", _ONE)),
    ("load_ready", "ms", "<= 0.7", _load_ready("empty")),
    ("load_ready_numpy", "ms", "(imports NumPy)", _load_ready("importing")),
]


def _models() -> Iterator[tuple[str, Model]]:
    for side in _SIDES:
        batch = "instance_group { kind: KIND_CPU count: 1 }\n"
        tensors = {"inputs": ["IN FP32 -1"], "outputs": ["OUT FP32 -1"]}
        strings = {"inputs": ["IN STRING -1"], "outputs": ["OUT STRING -1"]}
        aligned = {"inputs": ["INPUT__0 FP32 -1"], "outputs": ["OUT FP32 -1"]}
        decoupled = "model_transaction_policy { decoupled: true }\n"
        yield side, Model("identity", f"identity_{side}", max_batch_size=8, config=batch, **tensors)
        yield side, Model("identity", f"strings_{side}", max_batch_size=8, config=batch, **strings)
        yield side, Model("bls", f"bls_{side}", max_batch_size=8, config=batch, **tensors)
        yield side, Model("decoupled", f"decoupled_{side}", config=batch + decoupled, **tensors)
        yield side, Model("identity", f"aligned_{side}", max_batch_size=8, config=batch, **aligned)
        yield side, Model("empty", f"empty_{side}", config=batch, **tensors)
        yield side, Model("importing", f"importing_{side}", config=batch, **tensors)
    yield "ours", Model("kept", "kept_ours", max_batch_size=8, config=batch, **tensors)
    yield "ours", Model("identity", "identity", max_batch_size=8, config="", **tensors)


def _stub_size() -> report.Result:
    size = harness.setting("STUB").stat().st_size / 1e6
    shipped = harness.setting("SHIPPED_STUB").stat().st_size / 1e6
    return report.Result("binary_size", "MB", [size], [shipped], "shipped stub", "ours <= 4 MB")


@contextlib.contextmanager
def _running() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as scratch:
        folder = Path(scratch, "models")
        folder.mkdir()
        names = []
        for side, model in _models():
            stub = harness.setting("STUB" if side == "ours" else "SHIPPED_STUB")
            repository.add_model(folder, model, stub=stub, environment=harness.environment(), sources=_MODELS)
            names.append(model.model_name)
        libraries = harness.tritonserver().parents[3] / "nvidia_pytriton.libs"
        arguments = [f"--load-model={name}" for name in names if not name.startswith(("empty", "importing"))]
        server = TritonServer(
            folder,
            harness.tritonserver(),
            [],
            model_control="explicit",
            extra_args=["--disable-auto-complete-config", *arguments],
            # The shipped stub is linked with libraries of the server.
            env={"LD_LIBRARY_PATH": str(libraries)},
        )
        with server:
            yield Bench(server, Path(scratch))


def main(_argv: list[str]) -> None:
    known = [name for name, *_ in _TABLE]
    if unknown := set(_CASES.value) - set(known):
        raise app.UsageError(f"--cases: unknown {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    results = []
    with _running() as bench:
        for name, unit, goal, measure in _TABLE:
            if _CASES.value and name not in _CASES.value:
                continue
            values: dict[str, list[float]] = {side: [] for side in _SIDES}
            for side in _SIDES:
                measure(bench, side)  # warm
            for turn in range(_ROUNDS.value):
                for side in _SIDES if turn % 2 == 0 else reversed(_SIDES):
                    values[side].append(measure(bench, side))
            results.append(report.Result(name, unit, values["ours"], values["shipped"], "shipped stub", goal))
            logging.info("%s: ratio %.2f (goal %s)", name, results[-1].ratio, goal)
    results.append(_stub_size())
    report.publish(results, _JSON.value, _PLOT.value, "native stub : shipped stub, Triton 24.10")


if __name__ == "__main__":
    app.run(main)
