"""MLflow's tracking server and an S3 API, each a process of its own on a free port of 127.0.0.1."""

import contextlib
import os
import pathlib
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence

from mlflow_backend_utils.server import triton_server
from tests.processes import processes

_START_SECONDS = 150.0
# What servers and clients must not take from whoever runs the test.
_FOREIGN = ("AWS_", "MLFLOW_", "PYTHON")


def clean_environment(folder: pathlib.Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Variables for a Python program with this one's packages and a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {
        **kept,
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **extra,
    }


@contextlib.contextmanager
def _running(folder: pathlib.Path, arguments: Sequence[str], ready: str, extra: Mapping[str, str]) -> Iterator[None]:
    """Runs `python ARGUMENTS` until the end; begins when the URL `ready` answers."""

    def first() -> None:
        with urllib.request.urlopen(ready, timeout=1) as response:
            response.read()

    folder.mkdir(parents=True)
    command, env = [sys.executable, "-B", *arguments], clean_environment(folder, extra)
    with processes.server(command, folder / "log", env, first, _START_SECONDS):
        yield


@contextlib.contextmanager
def tracking_server(folder: pathlib.Path) -> Iterator[str]:
    """MLflow's server with a registry in sqlite, serving artifacts that lie below `folder`; its URL."""
    (port,) = triton_server.free_ports(1)
    arguments = ["-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}", "--workers=1"]
    arguments += [f"--backend-store-uri=sqlite:///{folder}/mlflow.db", "--serve-artifacts"]
    arguments += [f"--artifacts-destination={folder / 'artifacts'}"]
    url = f"http://127.0.0.1:{port}"
    with _running(folder, arguments, f"{url}/health", {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}):
        yield url


@contextlib.contextmanager
def s3_server(folder: pathlib.Path) -> Iterator[str]:
    """moto's S3 API; its URL. Any credentials will do."""
    (port,) = triton_server.free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with _running(folder, ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], f"{url}/moto-api/data.json", {}):
        yield url
