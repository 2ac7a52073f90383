"""MLflow's tracking server and an S3 API, each a process of its own on a free port of 127.0.0.1."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence

from mlflow_backend_utils.server import triton_server

_START_SECONDS = 150.0
# What servers and clients must not take from whoever runs the test.
_FOREIGN = ("AWS_", "MLFLOW_", "PYTHON")


class ServerFailed(Exception):
    """A server did not start; the message holds the end of its log."""


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


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status == 200
    except (OSError, urllib.error.URLError):
        return False


@contextlib.contextmanager
def _running(folder: pathlib.Path, arguments: Sequence[str], ready: str, extra: Mapping[str, str]) -> Iterator[None]:
    """Runs `python ARGUMENTS` until the end; begins when the URL `ready` answers."""
    folder.mkdir(parents=True)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-B", *arguments],
            cwd=folder,
            env=clean_environment(folder, extra),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its workers end with it
        )
    try:
        started = time.monotonic()
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() - started > _START_SECONDS:
                raise ServerFailed(f"{' '.join(arguments)} did not start:\n{log.read_text()[-4000:]}")
            time.sleep(0.1)
        print(f"{arguments[1]}: ready after {time.monotonic() - started:.1f} s", flush=True)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


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
