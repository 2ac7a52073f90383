"""Requirement locks with hashes, resolved by uv for a target Python and platform.

uv does not read pip's configuration, which is how machines are set up for their indexes; what matters of it is passed
on, and stays out of the lock.
"""

from __future__ import annotations

import ast
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PLATFORM = "x86_64-manylinux_2_28"

_FLAGS = ("--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--only-binary", ":all:")
# Option of pip -> option of uv; several values stand in one. Not extra-index-url: pip takes files of one version from
# several indexes, uv from one of them, and does not find what pip finds. uv has its own setting for those.
_OPTIONS = {"index-url": "--default-index", "find-links": "--find-links"}


class ResolveError(Exception):
    """There is no lock for the requirements; the text says why, in uv's words."""


def find_uv() -> str:
    """The program: the pinned one where Bazel runs this, else that of PATH.

    Raises:
      ResolveError: there is none.
    """
    if "UV" in os.environ:
        return os.path.join(os.environ.get("RUNFILES_DIR", ""), os.environ["UV"])
    found = shutil.which("uv")
    if not found:
        raise ResolveError(
            "there is no uv in PATH, which writes requirement locks; install it, as with `pip install uv`"
        )
    return found


@functools.cache
def _pip_settings() -> dict[str, str]:
    """The machine's pip configuration: `PLACE.OPTION` -> value."""
    # The machine's pip: the pinned interpreters carry none, and none of our settings may reach it.
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    command = [shutil.which("python3") or sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    # Each line is a setting and the literal of a string; a machine without pip has none.
    lines = (line.partition("=") for line in done.stdout.splitlines())
    return {key: ast.literal_eval(literal) for key, _, literal in lines if literal[:1] in ("'", '"')}


def _pip_says(option: str) -> list[str]:
    """The values of an option of pip, as the machine is set up: the environment's, before those of files."""
    settings = _pip_settings()
    return settings.get(f":env:.{option}", settings.get(f"global.{option}", "")).split()


def pip_options() -> list[str]:
    """uv's options for the places that the machine's pip looks in."""
    return [word for option, flag in _OPTIONS.items() for value in _pip_says(option) for word in (flag, value)]


def _environment() -> dict[str, str]:
    """Variables for uv: it trusts whom the machine trusts, and whom pip is told to trust where nothing else is said."""
    # The second is what older versions call the first.
    found = {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true", **os.environ}
    if "SSL_CERT_FILE" not in found and (authorities := _pip_says("cert")):
        found["SSL_CERT_FILE"] = authorities[0]
    return found


def compile_lock(
    source: Path, out: Path, python_version: str, constraints: Sequence[Path] = (), uv: str | None = None
) -> None:
    """Write a lock with every hash.

    Args:
      source: requirements; paths in it are meant from its folder.
      out: the lock. Versions that it holds already are kept where they fit.
      python_version: `X.Y.Z` of the target.
      constraints: further locks whose versions are to be used.
      uv: the program; found if not given.

    Raises:
      ResolveError: there is no uv, or no set of wheels meets the requirements.
    """
    command = [uv or find_uv(), "pip", "compile", *_FLAGS, *pip_options()]
    command += ["--python-version", python_version, "--python-platform", PLATFORM]
    for constraint in constraints:
        command += ["--constraint", str(constraint)]
    command += ["--output-file", str(out), str(source)]
    done = subprocess.run(
        command, cwd=source.parent, env=_environment(), stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise ResolveError(f"{source}: no set of wheels for Python {python_version} meets it: {done.stderr.strip()}")
