"""Starts a real Triton server and stops it without leaving anything behind."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from mlflow_backend_utils.server import backend_directory

_SHARED_MEMORY = Path("/dev/shm")
_HOST = "127.0.0.1"
# Words of the server when another process took one of its ports in the moment between our choice and its start.
_PORT_LOST = ("already in use", "Address already in use", "failed to bind", "Failed to add port")
_ATTEMPTS = 5
# A stub that ends with such words never reports to the server, which would wait for it for minutes.
_STUB_LOST = ("error while loading shared libraries", backend_directory.NO_STUB)
# Where the server unpacks environments, whatever TMPDIR says.
_UNPACKED = re.compile(r"/tmp/python_env_\w+")


class ServerError(Exception):
    """The server did not start, ended by itself, or did not stop; the text holds the end of its log."""


def free_ports(count: int) -> list[int]:
    """Distinct TCP ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((_HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]


class TritonServer:
    """A server that runs while the context is entered.

    Args:
      repository: the model repository.
      tritonserver: the server's program, in `bin/` of its installation.
      backends: folders of Python-based backends to add, each named like its backend.
      model_control: `none` (every model is loaded), `explicit` or `poll`.
      extra_args: further arguments of the server.
      launcher: a command that starts the server's program, such as a loader with its options.
      env: further environment variables of the server; they reach the models too.
      log: where to keep the server's log; deleted afterwards if not given.
      shm_prefix: start of the names of shared memory; unique if not given, so that servers do not meet.
      http_port: the HTTP port; any free one if not given.
      grpc_port: the gRPC port; any free one if not given.
      ready_seconds: how long the server may take until every model is ready.
      stop_seconds: how long it may take to stop before it is killed.

    Raises:
      ServerError: on entering, when the server does not get ready; its log says why.
    """

    def __init__(
        self,
        repository: Path,
        tritonserver: Path,
        backends: Sequence[Path],
        *,
        model_control: str = "none",
        extra_args: Sequence[str] = (),
        launcher: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        shm_prefix: str | None = None,
        http_port: int | None = None,
        grpc_port: int | None = None,
        ready_seconds: float = 180,
        stop_seconds: float = 60,
    ):
        self._repository = Path(repository)
        self._tritonserver = Path(tritonserver)
        self._backends = [Path(backend) for backend in backends]
        self._model_control = model_control
        self._extra_args = list(extra_args)
        self._launcher = list(launcher)
        self._env = dict(env or {})
        self._wanted_ports = (http_port, grpc_port)
        self._ready_seconds = ready_seconds
        self._stop_seconds = stop_seconds
        self._log_path = Path(log) if log else None
        self._shm_prefix = shm_prefix or f"mlflow_backend_{os.getpid()}_{secrets.token_hex(4)}_"
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._last_log = ""
        self._leftovers: list[str] = []
        self._ports = [0, 0, 0]
        self._environments: set[Path] = set()

    def __enter__(self) -> TritonServer:
        self._folder = Path(tempfile.mkdtemp(prefix="triton_", dir=os.environ.get("TEST_TMPDIR")))
        try:
            backends = backend_directory.compose(self._tritonserver, self._backends, self._folder)
            for attempt in range(1, _ATTEMPTS + 1):
                self._start(backends)
                try:
                    self._wait_until_ready()
                    return self
                except ServerError:
                    lost = any(words in self.log_text() for words in _PORT_LOST)
                    if not lost or any(self._wanted_ports) or attempt == _ATTEMPTS:
                        raise
                    self.stop()
            raise AssertionError("unreachable")
        except BaseException:
            self.stop()
            self._remove_folder()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self._remove_folder()

    def _start(self, backends: Path) -> None:
        assert self._folder is not None
        self._ports = free_ports(3)
        for position, port in enumerate(self._wanted_ports):
            self._ports[position] = port or self._ports[position]
        temporary = self._folder / "tmp"
        temporary.mkdir(exist_ok=True)
        # Nothing of the caller's Python may reach the models' interpreters.
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "LD_"))}
        environ |= {"TMPDIR": str(temporary), "HOME": str(self._folder), "MLFLOW_DISABLE_TELEMETRY": "true"}
        command = [
            *self._launcher,
            str(self._tritonserver),
            f"--model-repository={self._repository}",
            f"--backend-directory={backends}",
            f"--model-control-mode={self._model_control}",
            f"--http-address={_HOST}",
            f"--grpc-address={_HOST}",
            f"--metrics-address={_HOST}",
            f"--http-port={self._ports[0]}",
            f"--grpc-port={self._ports[1]}",
            f"--metrics-port={self._ports[2]}",
            "--allow-gpu-metrics=false",
            f"--backend-config=python,shm-region-prefix-name={self._shm_prefix}",
            *self._extra_args,
        ]
        with open(self.log_path, "wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environ | self._env,
                # A group of its own: the stubs it starts can be found and ended with it.
                start_new_session=True,
            )

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + self._ready_seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ServerError(f"the server ended with status {self._process.returncode}\n{self._log_tail()}")
            if self._is_ready():
                self._environments |= _unpacked_environments(self._process.pid)
                return
            if any(words in self.log_text() for words in _STUB_LOST):
                raise ServerError(f"a model's stub does not start\n{self._log_tail()}")
            time.sleep(0.05)
        raise ServerError(f"the server was not ready after {self._ready_seconds:.0f} s\n{self._log_tail()}")

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(_HOST, self._ports[0], timeout=5)
        try:
            connection.request("GET", "/v2/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """End the server: SIGTERM, and SIGKILL when it takes too long. Harmless when it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            self._environments |= _unpacked_environments(process.pid)
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(self._stop_seconds)
        except subprocess.TimeoutExpired:
            self._leftovers.append(f"the server, process {process.pid}: killed after {self._stop_seconds:.0f} s")
        # The server waits for its stubs; whatever of its group still runs was forgotten.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 0)
            if process.returncode is not None and _wait_for_group(process.pid, 5):
                self._leftovers.append(f"processes of group {process.pid}")
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for region in self._shared_memory():
            self._leftovers.append(str(region))
            region.unlink(missing_ok=True)
        for folder in self._environments:
            if folder.exists():
                self._leftovers.append(str(folder))
                shutil.rmtree(folder, ignore_errors=True)
        self._environments.clear()

    def _shared_memory(self) -> list[Path]:
        return sorted(_SHARED_MEMORY.glob(f"{self._shm_prefix}*")) if _SHARED_MEMORY.is_dir() else []

    def _remove_folder(self) -> None:
        if self._folder is not None:
            if self.log_path.exists():
                self._last_log = self.log_path.read_text(encoding="utf-8", errors="replace")
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @property
    def log_path(self) -> Path:
        """Where the server writes its log."""
        if self._log_path:
            return self._log_path
        assert self._folder is not None
        return self._folder / "server.log"

    def log_text(self) -> str:
        """What the server has logged so far; after the end, all of it."""
        if self._folder is None:
            return self._last_log
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def _log_tail(self, lines: int = 60) -> str:
        return "\n".join(self.log_text().splitlines()[-lines:])

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def is_running(self) -> bool:
        """Whether the server's process has not ended; does not end it for others that wait for it."""
        process = self._process
        return process is not None and os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    @property
    def http_url(self) -> str:
        """`host:port` of the HTTP endpoint."""
        return f"{_HOST}:{self._ports[0]}"

    @property
    def grpc_url(self) -> str:
        """`host:port` of the gRPC endpoint."""
        return f"{_HOST}:{self._ports[1]}"

    @property
    def metrics_url(self) -> str:
        """`host:port` of the metrics endpoint."""
        return f"{_HOST}:{self._ports[2]}"

    @property
    def shm_prefix(self) -> str:
        """Start of the names of the server's shared memory in /dev/shm."""
        return self._shm_prefix

    def leftovers(self) -> list[str]:
        """What the server left behind when it was stopped: processes, shared memory, unpacked environments.

        All of it has been removed since.
        """
        return list(self._leftovers)


def _unpacked_environments(group: int) -> set[Path]:
    """The folders below /tmp that hold the environments of a process group's stubs."""
    found: set[Path] = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) == group:
                environ = (process / "environ").read_bytes().decode(errors="replace")
                found |= {Path(match) for match in _UNPACKED.findall(environ)}
        except OSError:
            continue  # it has ended meanwhile
    return found


def _wait_for_group(group: int, seconds: float) -> bool:
    """Whether a process group still has members after at most `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True
