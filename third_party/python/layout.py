"""Where the parts of an installed CPython lie: upstream's own layout, Debian's, and that of standalone builds."""

from __future__ import annotations

import os
import subprocess
from typing import NamedTuple

_MACHINE = os.uname().machine
# Asked of the interpreter itself: its full version. `-I` keeps the caller's environment out.
_ASK_VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.base_prefix)"


class Layout(NamedTuple):
    """The parts of one interpreter. Paths are absolute; `missing` says in words what is not there.

    Attributes:
      prefix: the installation prefix, such as `/usr/local`.
      series: `X.Y`.
      executable: the interpreter.
      stdlib: the folder of the standard library.
      libpython: the shared library `libpythonX.Y.so.1.0`.
      headers: folders of C headers, in the order in which they are laid over each other.
      missing: parts that were looked for and not found.
    """

    prefix: str
    series: str
    executable: str
    stdlib: str
    libpython: str
    headers: list[str]
    missing: list[str]


def locate(prefix: str, series: str) -> Layout:
    """Find the parts of CPython `series` (`X.Y`) under `prefix`."""
    missing = []

    def first(what: str, *candidates: str) -> str:
        for candidate in candidates:
            path = os.path.join(prefix, candidate)
            if os.path.exists(path):
                return path
        missing.append("{} ({})".format(what, " or ".join(candidates)))
        return ""

    name = "python" + series
    executable = first("the interpreter", "bin/" + name)
    stdlib = first("the standard library", f"lib/{name}/os.py")
    library = f"lib{name}.so.1.0"
    libpython = first("the shared library", "lib/" + library, f"lib/{_MACHINE}-linux-gnu/{library}")
    headers = first("the C headers", f"include/{name}/Python.h")
    folders = [os.path.dirname(headers)] if headers else []
    # Debian keeps the machine's pyconfig.h apart; the one beside Python.h only includes it.
    multiarch = os.path.join(prefix, "include", _MACHINE + "-linux-gnu", name)
    if folders and os.path.isdir(multiarch):
        folders.append(multiarch)
    return Layout(prefix, series, executable, os.path.dirname(stdlib), libpython, folders, missing)


class Interpreter(NamedTuple):
    """What an interpreter says of itself: full version `X.Y.Z` and installation prefix."""

    version: str
    prefix: str


def ask(executable: str) -> Interpreter | None:
    """Run `executable` and ask for its version and prefix; None when it cannot be run."""
    try:
        done = subprocess.run(
            [executable, "-I", "-B", "-c", _ASK_VERSION],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.decode().splitlines()
    return Interpreter(lines[0], lines[1]) if len(lines) == 2 else None
