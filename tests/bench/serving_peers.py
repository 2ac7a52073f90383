"""The servers that `serving.py` compares: how each is started with the wine model, and asked.

All of them are started as their documentation says, on the same packages, with nothing tuned but addresses.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlflow_backend_utils.server.triton_server import free_ports
from tests.processes import processes

_START_SECONDS = 120.0

_BENTO = """
import bentoml
import mlflow.pyfunc
import numpy as np
import pandas as pd


@bentoml.service
class Wine:
    def __init__(self) -> None:
        self.model = mlflow.pyfunc.load_model({model!r})

    @bentoml.api
    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        return self.model.predict(rows)
"""


@dataclasses.dataclass(frozen=True)
class Wines:
    """Rows of the wine model's input.

    Attributes:
      columns: their names.
      values: float64 [rows, columns].
    """

    columns: list[str]
    values: np.ndarray

    def rows(self, count: int) -> Wines:
        """So many rows, the same again and again."""
        return Wines(self.columns, self.values[np.arange(count) % len(self.values)])


@dataclasses.dataclass(frozen=True)
class Question:
    """A request for the classes of some wines, as one server wants it.

    Attributes:
      path: of the URL.
      body: JSON text.
      headers: lines, without length and host.
      classes: reads the classes from the parsed answer.
    """

    path: str
    body: bytes
    classes: Callable[[Any], list[int]]
    headers: str = "Content-Type: application/json\r\n"


def v2_question(model: str, rows: Wines) -> Question:
    """For Triton and MLServer: a tensor of [rows, 1] for each column."""
    shape = [len(rows.values), 1]
    inputs = [
        {"name": name, "datatype": "FP64", "shape": shape, "data": column.tolist()}
        for name, column in zip(rows.columns, rows.values.T, strict=True)
    ]
    path = f"/v2/models/{model}/infer"
    return Question(path, json.dumps({"inputs": inputs}).encode(), lambda answer: answer["outputs"][0]["data"])


def _mlflow_question(rows: Wines) -> Question:
    body = json.dumps({"dataframe_split": {"columns": rows.columns, "data": rows.values.tolist()}}).encode()
    return Question("/invocations", body, lambda answer: answer["predictions"])


def _bento_question(rows: Wines) -> Question:
    records = [dict(zip(rows.columns, row, strict=True)) for row in rows.values.tolist()]
    body = json.dumps({"rows": records}).encode()
    return Question("/predict", body, lambda answer: answer)


@dataclasses.dataclass(frozen=True)
class Peer:
    """A running server.

    Attributes:
      name: its name.
      port: of HTTP, on 127.0.0.1.
      question: makes a request for some rows.
    """

    name: str
    port: int
    question: Callable[[Wines], Question]


def ask(port: int, question: Question) -> list[int]:
    """The classes that a server answers.

    Raises:
      OSError: it does not answer, or not with 200.
    """
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{question.path}", question.body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return list(question.classes(json.load(answer)))


@contextlib.contextmanager
def running(name: str, environment: Path, model: Path, scratch: Path, example: Wines) -> Iterator[Peer]:
    """One of `PEERS`, serving `model` with the packages of `environment`.

    Raises:
      OSError: it does not start.
    """
    folder = scratch / name
    folder.mkdir()
    ports = free_ports(3)
    command, question = PEERS[name](folder, model, ports)
    # `bin` first: servers start others by name.
    env = {
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{environment / 'bin'}{os.pathsep}{os.defpath}",
        "BENTOML_DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = [environment / "bin" / "python3", *command]
    first = functools.partial(ask, ports[0], question(example))
    with processes.server(command, folder / "log", env, first, _START_SECONDS):
        yield Peer(name, ports[0], question)


@contextlib.contextmanager
def gateway(utils: Path, triton: str, name: str, model: Path, scratch: Path, example: Wines) -> Iterator[Peer]:
    """This project's gateway before a Triton server.

    Args:
      utils: the command line.
      triton: `host:port` of the server's gRPC endpoint.
      name: of the model in it.
      model: the saved model.
      scratch: a folder to work in.
      example: for a first request.

    Raises:
      OSError: it does not start.
    """
    folder = scratch / "gateway"
    folder.mkdir()
    (port,) = free_ports(1)
    command: list[str | Path] = [utils, "gateway", "--triton", triton, "--model", name, "--port", str(port)]
    # The server's repository: that of a model which lies in NAME/1.
    command += ["--model-repository", model.parent.parent]
    env = {"HOME": str(folder), "PATH": os.defpath}
    first = functools.partial(ask, port, _mlflow_question(example))
    with processes.server(command, folder / "log", env, first, _START_SECONDS):
        yield Peer("gateway", port, _mlflow_question)


_Start = tuple[list[str | Path], Callable[[Wines], Question]]


def _mlflow(_folder: Path, model: Path, ports: list[int]) -> _Start:
    where: list[str | Path] = ["--host", "127.0.0.1", "--port", str(ports[0])]
    return ["-m", "mlflow", "models", "serve", "--model-uri", model, "--env-manager", "local", *where], _mlflow_question


def _mlserver(folder: Path, model: Path, ports: list[int]) -> _Start:
    names = ("http_port", "grpc_port", "metrics_port")
    settings = {"host": "127.0.0.1", "debug": False} | dict(zip(names, ports, strict=True))
    (folder / "settings.json").write_text(json.dumps(settings))
    own = {"name": "wine", "implementation": "mlserver_mlflow.MLflowRuntime", "parameters": {"uri": str(model)}}
    (folder / "model-settings.json").write_text(json.dumps(own))
    return ["-c", "from mlserver.cli import main; main()", "start", folder], lambda rows: v2_question("wine", rows)


def _bentoml(folder: Path, model: Path, ports: list[int]) -> _Start:
    (folder / "wine_service.py").write_text(_BENTO.format(model=str(model)))
    where: list[str | Path] = ["--host", "127.0.0.1", "--port", str(ports[0])]
    return ["-m", "bentoml", "serve", "wine_service:Wine", *where], _bento_question


PEERS: dict[str, Callable[[Path, Path, list[int]], _Start]] = {
    "mlflow": _mlflow,
    "mlserver": _mlserver,
    "bentoml": _bentoml,
}
