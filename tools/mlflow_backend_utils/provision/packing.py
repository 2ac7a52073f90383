"""Builds an execution environment on this machine, with the code that the Bazel rules run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow_backend_utils.env import lock, packer
from mlflow_backend_utils.messages.errors import BuildError, InputError
from mlflow_backend_utils.provision.versions import TOP

_PYTHON = TOP / "third_party" / "python"
_FETCH = TOP / "third_party" / "wheels" / "fetch.py"
# The lock that pins conda-pack, whose scripts go into every environment.
_TOOLS_LOCK = TOP / "third_party" / "requirements" / "tools_3.11.lock"


def _run(script: Path, arguments: Sequence[str | Path], error: type[InputError] | type[BuildError]) -> str:
    """What a script of this project prints; its own words become the error."""
    done = subprocess.run(
        [sys.executable, "-B", script, *arguments],
        capture_output=True,
        text=True,
        # The scripts start Python programs of the machine; ours must not reach them.
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
    )
    if done.returncode:
        raise error(done.stderr.strip())
    return done.stdout


def find_interpreter(python_version: str) -> str:
    """The installation prefix of a usable CPython on this machine.

    Raises:
      InputError: there is none; the text lists what was looked at.
    """
    candidates = json.loads(_run(_PYTHON / "find_python.py", [python_version], BuildError))
    for candidate in candidates:
        if candidate["usable"]:
            return str(candidate["prefix"])
    looked = "; ".join(f"{c['prefix']} ({c['source']}): {c['reason']}" for c in candidates)
    variable = "MLFLOW_BACKEND_PYTHON_" + python_version.replace(".", "_")
    raise InputError(
        f"no CPython {python_version} to copy on this machine. Install one with pyenv, uv or the system's packages, or "
        f"set {variable} to its prefix. Looked at: {looked}"
    )


def make_runtime(prefix: str, python_version: str, out: Path) -> Mapping[str, Any]:
    """A relocatable copy of the CPython in `prefix`; its facts (see make_runtime.py).

    Raises:
      InputError: it lacks something.
    """
    return dict(json.loads(_run(_PYTHON / "make_runtime.py", [prefix, out, "--series", python_version], InputError)))


def fetch_wheels(requirements: Path, full_version: str, platform: str, out: Path) -> list[Path]:
    """The wheels of a lock.

    Raises:
      InputError: the lock has no hashes, a wrong one, or names what has no wheel for the target.
    """
    arguments: list[str | Path] = [
        "--lock",
        requirements,
        "--out",
        out,
        "--python_version",
        full_version,
        "--platform",
        platform,
    ]
    wheels = json.loads(_run(_FETCH, arguments, InputError))
    return [out / wheel["file"] for wheel in wheels]


def _conda_pack_lock(folder: Path) -> Path:
    pins = lock.parse(_TOOLS_LOCK.read_text(encoding="utf-8"), _TOOLS_LOCK.name)
    path = folder / "conda_pack.lock"
    path.write_text(next(pin.text for pin in pins if pin.name == "conda-pack") + "\n", encoding="utf-8")
    return path


def check_lock(requirements: Path) -> None:
    """Raises: InputError: a file is no hashed lock."""
    try:
        lock.parse(requirements.read_text(encoding="utf-8"), str(requirements))
    except (lock.LockError, OSError, UnicodeDecodeError) as error:
        raise InputError(str(error)) from error


def pack_environment(
    runtime: Path,
    full_version: str,
    requirements: Path,
    platform: str,
    *,
    output: Path | None = None,
    out_folder: Path | None = None,
    exclude: Sequence[str] = (),
) -> None:
    """Pack a runtime and the wheels of a lock.

    Args:
      runtime: a relocatable CPython prefix.
      full_version: its version, `X.Y.Z`.
      requirements: a hashed lock.
      platform: newest platform tag that the target runs.
      output: the archive to write, a .tar.gz; it appears whole or not at all. None: no archive.
      out_folder: a folder to write the environment into, ready to use. None: no folder.
      exclude: patterns of paths in the environment to leave out.

    Raises:
      InputError: the lock cannot serve.
    """
    check_lock(requirements)
    partial = output.with_name(output.name + ".partial") if output else None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wheels = fetch_wheels(requirements, full_version, platform, folder / "wheels")
        tools = fetch_wheels(_conda_pack_lock(folder), full_version, platform, folder / "tools")
        try:
            packer.pack(
                str(runtime),
                [str(wheel) for wheel in wheels],
                out=str(partial or ""),
                out_dir=str(out_folder or ""),
                pyc="unchecked",
                exclude=exclude,
                conda_pack_wheel=str(tools[0]),
            )
            if partial and output:
                partial.replace(output)
        except packer.ERRORS as error:
            raise InputError(str(error)) from error
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}") from error
        finally:
            if partial:
                partial.unlink(missing_ok=True)


def build_environment(
    python_version: str, requirements: Path, platform: str, output: Path, exclude: Sequence[str] = ()
) -> None:
    """Build the environment of a lock on a CPython of this machine, and write it to `output`, a .tar.gz.

    Args:
      python_version: `X.Y`.
      requirements: a hashed lock.
      platform: newest platform tag that the target runs.
      output: the archive; it appears whole or not at all.
      exclude: patterns of paths in the environment to leave out.

    Raises:
      InputError: the lock cannot serve, or the machine has no such Python.
    """
    check_lock(requirements)
    with tempfile.TemporaryDirectory() as scratch:
        runtime = Path(scratch, "runtime")
        facts = make_runtime(find_interpreter(python_version), python_version, runtime)
        pack_environment(runtime, facts["version"], requirements, platform, output=output, exclude=exclude)
