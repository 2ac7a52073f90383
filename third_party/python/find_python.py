"""Finds installed CPythons of one series that make_runtime.py can copy. Standard library only.

usage: find_python.py X.Y

Prints a JSON list of candidates, best first. Each has `prefix`, `source` (where the hint came from), `version` (X.Y.Z,
or null), `usable`, and `reason` (why not, in words; empty when usable). Nothing that was looked at is left out, so that
a caller without a usable one can list what was tried. The order:

1. `$MLFLOW_BACKEND_PYTHON_X_Y`: a prefix, or an interpreter, named by the user; then nothing else counts;
2. pyenv: `$PYENV_ROOT`, `~/.pyenv`, and the `versions` folder beside any `shims` folder on PATH;
3. uv: `$UV_PYTHON_INSTALL_DIR`, and uv's folder below `$XDG_DATA_HOME` or `~/.local/share`;
4. `pythonX.Y` on PATH, asked for its own prefix;
5. `/usr/local`, `/usr`.

Within pyenv and uv the newest patch release comes first. A virtual environment is no prefix: it leads to its base.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

sys.dont_write_bytecode = True  # no __pycache__ beside this file: it lies in a source tree

import layout  # noqa: E402


class Candidate(NamedTuple):
    """One place that was looked at; the fields are those of the printed JSON."""

    prefix: str
    source: str
    version: str | None
    usable: bool
    reason: str


def variable(series: str) -> str:
    """The environment variable by which a user names the interpreter of `series`."""
    return "MLFLOW_BACKEND_PYTHON_" + series.replace(".", "_")


def examine(prefix: str, series: str, source: str) -> Candidate:
    """Say whether `prefix` holds a complete CPython `series` that runs."""
    if not os.path.isdir(prefix):
        return Candidate(prefix, source, None, False, "there is no such folder")
    parts = layout.locate(prefix, series)
    if not parts.executable:
        return Candidate(prefix, source, None, False, f"has no bin/python{series}")
    interpreter = layout.ask(parts.executable)
    if interpreter is None:
        return Candidate(prefix, source, None, False, f"bin/python{series} does not run")
    if not interpreter.version.startswith(series + "."):
        return Candidate(prefix, source, interpreter.version, False, "is CPython " + interpreter.version)
    missing = "; ".join(parts.missing)
    return Candidate(prefix, source, interpreter.version, not missing, "lacks " + missing if missing else "")


def _patch_release(name: str, series: str) -> int | None:
    """The Z of a folder named `X.Y.Z` (pyenv) or `cpython-X.Y.Z-…` (uv); None for other folders."""
    match = re.match(rf"(?:cpython-)?{re.escape(series)}\.(\d+)(?:[-+].*)?$", name)
    return int(match.group(1)) if match else None


def _newest_first(folder: str, series: str) -> list[str]:
    names = os.listdir(folder) if os.path.isdir(folder) else []
    found = [(release, name) for name in names for release in [_patch_release(name, series)] if release is not None]
    return [os.path.join(folder, name) for _, name in sorted(found, reverse=True)]


def _version_folders(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(source, folder) of each folder whose children are whole installations."""
    home = environ.get("HOME") or os.path.expanduser("~")
    if environ.get("PYENV_ROOT"):
        yield "pyenv ($PYENV_ROOT)", os.path.join(environ["PYENV_ROOT"], "versions")
    yield "pyenv (~/.pyenv)", os.path.join(home, ".pyenv", "versions")
    for folder in environ.get("PATH", "").split(os.pathsep):
        if os.path.basename(folder.rstrip("/")) == "shims":
            yield "pyenv (PATH)", os.path.join(os.path.dirname(folder.rstrip("/")), "versions")
    if environ.get("UV_PYTHON_INSTALL_DIR"):
        yield "uv ($UV_PYTHON_INSTALL_DIR)", environ["UV_PYTHON_INSTALL_DIR"]
    data = environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    yield "uv", os.path.join(data, "uv", "python")


def _hints(series: str, environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(source, prefix, problem) in order of preference; a non-empty problem tells why a place gives no prefix."""
    for source, folder in _version_folders(environ):
        prefixes = _newest_first(folder, series)
        for prefix in prefixes:
            yield source, prefix, ""
        if not prefixes:
            yield source, folder, f"holds no {series}" if os.path.isdir(folder) else "there is no such folder"
    found = False
    for folder in environ.get("PATH", "").split(os.pathsep):
        program = os.path.join(folder, "python" + series)
        # A pyenv shim only calls one of the versions seen above, or fails for those that are not active.
        if os.path.basename(folder.rstrip("/")) == "shims" or not os.access(program, os.X_OK):
            continue
        found = True
        interpreter = layout.ask(program)
        prefix, problem = (interpreter.prefix, "") if interpreter else (program, "does not run")
        yield f"python{series} on PATH", prefix, problem
    if not found:
        yield "PATH", "python" + series, "there is no such command"
    yield "system", "/usr/local", ""
    yield "system", "/usr", ""


def candidates(series: str, environ: Mapping[str, str]) -> list[Candidate]:
    """Every place looked at for CPython `series` (`X.Y`), best first. See the head of this file.

    Args:
      series: `X.Y`.
      environ: the environment variables to go by.
    """
    chosen = environ.get(variable(series))
    if chosen:
        source = "$" + variable(series)
        if os.path.isdir(chosen):
            return [examine(os.path.abspath(chosen), series, source)]
        interpreter = layout.ask(chosen)
        if interpreter is None:
            return [Candidate(chosen, source, None, False, "is neither a folder nor a Python that runs")]
        return [examine(interpreter.prefix, series, source)]
    seen: dict[str, Candidate] = {}
    for source, prefix, problem in _hints(series, environ):
        if problem:
            seen.setdefault(prefix, Candidate(prefix, source, None, False, problem))
        elif os.path.realpath(prefix) not in seen:
            seen[os.path.realpath(prefix)] = examine(prefix, series, source)
    # Python keeps the order: usable ones first, each group in order of preference.
    return sorted(seen.values(), key=lambda candidate: not candidate.usable)


def main(argv: list[str]) -> int:
    """Command line entry; see the head of this file."""
    if len(argv) != 1 or not re.fullmatch(r"3\.\d+", argv[0]):
        print("usage: find_python.py X.Y, such as 3.11", file=sys.stderr)
        return 2
    print(json.dumps([candidate._asdict() for candidate in candidates(argv[0], os.environ)], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
