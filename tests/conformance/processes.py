"""The processes and the shared memory of a server's stubs, as the system tells them."""

from __future__ import annotations

import contextlib
from pathlib import Path

from mlflow_backend_utils.server import TritonServer

_SHARED_MEMORY = Path("/dev/shm")

# Arguments of a stub (spec section 1.1), behind its program's name.
_REGION, _INSTANCE = 2, 8


def process_state(pid: int) -> str:
    """State letter of a process, `Z` for one that ended and is not waited for; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stub_processes(server: TritonServer) -> dict[int, int]:
    """Processes of a server's stubs, by the names of their regions, with their parents.

    Our own stub is a process that supervises and one in which the model runs.
    """
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                words = _arguments(int(folder.name))
                if len(words) > 9 and words[_REGION].startswith(server.shm_prefix):
                    status = (folder / "stat").read_text(encoding="utf-8")
                    found[int(folder.name)] = int(status.rpartition(")")[2].split()[1])
    return found


def stub_pids(server: TritonServer) -> list[int]:
    """Stubs of a server, one for each instance of a model: the processes that the server started."""
    processes = stub_processes(server)
    return sorted(pid for pid, parent in processes.items() if parent not in processes)


def worker_pids(server: TritonServer) -> list[int]:
    """Processes in which models run."""
    processes = stub_processes(server)
    return sorted(processes.keys() - set(processes.values()))


def instance_of(pid: int) -> str:
    """Name of the instance that a stub's process is for, such as `identity_0_0`; empty if the process has ended."""
    with contextlib.suppress(OSError, IndexError):
        return _arguments(pid)[_INSTANCE]
    return ""


def regions(server: TritonServer) -> list[str]:
    """Names of the server's shared memory."""
    return sorted(path.name for path in _SHARED_MEMORY.glob(f"{server.shm_prefix}*"))


def region_bytes(server: TritonServer, model: str) -> int:
    """Bytes of the region of the first instance of `model`.

    Raises:
      LookupError: the model has no stub.
    """
    for pid in stub_pids(server):
        if instance_of(pid) == f"{model}_0_0":
            return (_SHARED_MEMORY / _arguments(pid)[_REGION]).stat().st_size
    raise LookupError(f"{model} has no stub")


def _arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
