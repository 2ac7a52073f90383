"""The parts of a deployment that come from this project or from the machine: server, backend, stub, Python."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from mlflow_backend_utils.messages.errors import BuildError, InputError
from mlflow_backend_utils.provision import workspace

_INSTALLED = Path("/opt/tritonserver/bin/tritonserver")
_RUNTIME = "//third_party/python:runtime"
_BACKEND = "//backend:mlflow"
_SERVER = "//third_party/triton:tritonserver"


class Given(NamedTuple):
    """What a user has; None: not given.

    Attributes:
      tritonserver: the server's program, in `bin/` of its installation.
      backend: folder of the `mlflow` backend.
      stub: `triton_python_backend_stub` for the model's Python.
      env: folder or archive of an execution environment.
      workspace: a checkout of this project.
    """

    tritonserver: Path | None = None
    backend: Path | None = None
    stub: Path | None = None
    env: Path | None = None
    workspace: Path | None = None


class Parts(NamedTuple):
    """Everything that a model needs besides itself and its packages.

    Attributes:
      tritonserver: the server's program.
      backend: folder of the `mlflow` backend.
      stub: the stub.
      runtime: a relocatable CPython prefix; None: an environment was given.
    """

    tritonserver: Path
    backend: Path
    stub: Path
    runtime: Path | None


def gather(given: Given, python_version: str, triton_version: str, checkout: Path | None) -> Parts:
    """The parts, those that nobody gave built in a checkout.

    Args:
      given: what the user has.
      python_version: `X.Y`.
      triton_version: `YY.MM`, of the server to build the stub for, and to take from the checkout if there is no other.
      checkout: the workspace; None: there is none.

    Raises:
      BuildError: a part cannot be built.
      InputError: a part is not there.
    """
    server = given.tritonserver or _installed()
    backend = given.backend or (_backend_of(server) if server else None)
    wanted = {
        "server": "" if server else _SERVER,
        "backend": "" if backend else _BACKEND,
        "stub": "" if given.stub else workspace.STUB,
        "runtime": "" if given.env else _RUNTIME,
    }
    targets = [target for target in wanted.values() if target]
    built: dict[str, list[Path]] = {}
    if targets:
        if checkout is None:
            missing = ", ".join(part for part, target in wanted.items() if target)
            raise InputError(f"no checkout of this project to build {missing} in; run inside one, or give --workspace")
        built = workspace.build_files(checkout, workspace.settings(python_version, triton_version), targets)
    return Parts(
        server or built[_SERVER][0],
        backend or built[_BACKEND][0],
        given.stub or built[workspace.STUB][0],
        None if given.env else _prefix(built[_RUNTIME]),
    )


def _installed() -> Path | None:
    found = shutil.which("tritonserver")
    return Path(found).resolve() if found else _INSTALLED if _INSTALLED.exists() else None


def _backend_of(server: Path) -> Path | None:
    """The backend of an installation, if it has it."""
    folder = server.parent.parent / "backends" / "mlflow"
    return folder if folder.is_dir() else None


def _prefix(files: list[Path]) -> Path:
    """The prefix of a runtime, by its interpreter."""
    for file in files:
        if file.parent.name == "bin" and file.name.startswith("python3"):
            prefix = file.parent.parent
            if (prefix / "bin" / "ld.so").exists():
                raise BuildError(
                    f"the Python in {prefix} runs only on the C library that came with it, so no server can use it. "
                    "Install another one with uv or pyenv"
                )
            return prefix
    raise BuildError("the build gave a Python without bin/python3.X")
