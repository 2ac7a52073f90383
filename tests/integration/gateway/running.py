"""A gateway before a real Triton server, as a user starts it, and MLflow's own scoring server beside it.

Environment, as paths below TEST_SRCDIR: BACKEND, ENVIRONMENT (that serves the models), GATEWAY (the command line),
MODELS (a folder of saved models), SCORING_ENVIRONMENT (MLflow with what its scoring server wants), STUB, TRITONSERVER.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlflow_backend import metadata
from mlflow_backend_utils.config.options import ConfigOptions
from mlflow_backend_utils.config.writer import render_config
from mlflow_backend_utils.repository.layout import copy_folder
from mlflow_backend_utils.server import TritonServer
from mlflow_backend_utils.server.triton_server import free_ports
from tests.processes import processes
from tests.runfiles import runfiles

_START_SECONDS = 60.0


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    content_type: str | None
    body: bytes


def ask(port: int, path: str, body: bytes, content_type: str, timeout: float = 60.0) -> Answer:
    """The answer to a POST; raises OSError or http.client.HTTPException where there is none."""
    return _answer(port, timeout, "POST", path, body, {"Content-Type": content_type} if content_type else {})


def ask_get(port: int, path: str) -> Answer:
    """The answer to a GET."""
    return _answer(port, 60.0, "GET", path)


def _answer(port: int, timeout: float, *request: Any) -> Answer:
    with contextlib.closing(connect(port, timeout=timeout)) as connection:
        connection.request(*request)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers.get("content-type"), answer.read())


def signature(folder: Path) -> dict[str, str]:
    """Columns of a saved model with their types in MLflow's words; empty for tensors."""
    model = metadata.read(folder)
    assert model.signature is not None
    inputs = model.signature.inputs or ()
    return {str(spec.get("name", "")): str(spec["type"]) for spec in inputs if spec["type"] != "tensor"}


def repository(folder: Path, names: Sequence[str], **options: object) -> Path:
    """A model repository below `folder` with some of MODELS; `options` of the configuration."""
    environment = str(runfiles.path("ENVIRONMENT").resolve())
    for name in names:
        version = folder / name / "1"
        version.parent.mkdir(parents=True)
        # MLflow refuses a model whose files lead out of its folder.
        copy_folder(str(runfiles.path("MODELS") / name), str(version))
        config = ConfigOptions(name=name, env_path=environment, answer_form=True, **options)  # type: ignore[arg-type]
        (version.parent / "config.pbtxt").write_text(render_config(version, config))
        (version.parent / "triton_python_backend_stub").symlink_to(runfiles.path("STUB").resolve())
    return folder


def triton(models: Path, http_port: int | None = None, grpc_port: int | None = None) -> TritonServer:
    """The server, to be entered; on the same ports again if they are given."""
    return TritonServer(
        models, runfiles.path("TRITONSERVER"), [runfiles.path("BACKEND")], http_port=http_port, grpc_port=grpc_port
    )


def connect(port: int, secure: ssl.SSLContext | None = None, timeout: float = 60.0) -> http.client.HTTPConnection:
    """A connection to a server of the test."""
    if secure is not None:
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout, context=secure)
    return http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)


@contextlib.contextmanager
def _server(
    command: Sequence[str | Path],
    log: Path,
    port: int,
    secure: ssl.SSLContext | None = None,
    more: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers `/version` within the scope."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environ |= {"PATH": os.defpath, "HOME": str(log.parent), "MLFLOW_DISABLE_TELEMETRY": "true", **(more or {})}

    def first() -> None:
        with contextlib.closing(connect(port, secure, timeout=5)) as connection:
            connection.request("GET", "/version")
            connection.getresponse().read()

    with processes.server(command, log, environ, first, _START_SECONDS) as process:
        yield process


@contextlib.contextmanager
def gateway(
    grpc_url: str, scratch: Path, *options: str, http_url: str = "", secure: ssl.SSLContext | None = None
) -> Iterator[tuple[int, int]]:
    """Port and process of a gateway; `secure` of one that serves HTTPS."""
    (port,) = free_ports(1)
    words = [
        runfiles.path("GATEWAY"),
        "gateway",
        "--triton",
        grpc_url,
        "--triton-http",
        http_url,
        "--port",
        str(port),
        *options,
    ]
    with _server(words, scratch / f"gateway_{port}.log", port, secure) as process:
        yield port, process.pid


@contextlib.contextmanager
def mlflow_server(model: Path, environment: Path, scratch: Path, timeout: int = 60) -> Iterator[int]:
    """Port of `mlflow models serve` with a saved model; `timeout` in seconds, of a request."""
    (port,) = free_ports(1)
    serve = [
        "models",
        "serve",
        "--model-uri",
        model,
        "--env-manager",
        "local",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    # It starts others by name.
    environ = {
        "PATH": f"{environment / 'bin'}{os.pathsep}{os.defpath}",
        "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": str(timeout),
    }
    command = [environment / "bin" / "python3", "-m", "mlflow", *serve]
    with _server(command, scratch / "mlflow.log", port, more=environ):
        yield port
