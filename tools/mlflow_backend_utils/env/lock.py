"""Reads requirement locks: `name==version` with `--hash=sha256:…`, as pip and uv write them.

Standard library only and fit for Python 3.9: the script that fetches wheels uses it under the host's interpreter.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# How a user gets a lock that this project takes.
REGENERATE = "Write it with `uv pip compile --generate-hashes --python-version X.Y.Z requirements.in`"
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)")
_HASH = re.compile(r"--hash[= ]sha256:(\S+)")


class LockError(ValueError):
    """A lock that cannot be used. The text names file, line, and what to do."""


class Pin(NamedTuple):
    """One locked distribution.

    Attributes:
      name: the normalized name (PEP 503), such as `scikit-learn`.
      version: the exact version.
      marker: the environment marker after `;`, empty when there is none.
      hashes: sha256 digests of every file of it that may be installed, in the lock's order.
      text: the requirement as pip reads it, on one line.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    text: str


def normalize(name: str) -> str:
    """A distribution's name in the form that PEP 503 compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """(number of the first line, joined line) without comments; a backslash at the end continues a line."""
    lines: list[tuple[int, str]] = []
    start, parts = 0, []
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if line:
            start = start or number
            parts.append(line.rstrip("\\").strip())
        if parts and not line.endswith("\\"):
            lines.append((start, " ".join(parts)))
            start, parts = 0, []
    if parts:
        lines.append((start, " ".join(parts)))
    return lines


def parse(text: str, name: str) -> list[Pin]:
    """The pins of a lock, in its order.

    Args:
      text: the lock.
      name: what to call it in errors: its file name.

    Raises:
      LockError: a line is no exact pin, has no hash, or repeats a package; or there is no pin at all.
    """
    pins: list[Pin] = []
    for number, line in _logical_lines(text):
        if line.startswith("-"):
            raise LockError(
                f"{name}:{number}: {line.split()[0]!r} is no pin; a lock may hold only `name==version --hash=sha256:…` "
                f"lines. {REGENERATE}"
            )
        requirement, _, marker = line.split(" --hash", 1)[0].partition(";")
        match = _PIN.fullmatch(requirement.strip())
        if match is None:
            raise LockError(
                f"{name}:{number}: {requirement.strip()!r} is not pinned to one version with `==`. {REGENERATE}"
            )
        hashes = tuple(_HASH.findall(line))
        if not hashes:
            raise LockError(
                f"{name}:{number}: {requirement.strip()!r} has no --hash=sha256:…; every package of a lock needs one. "
                f"{REGENERATE}"
            )
        for digest in hashes:
            if not re.fullmatch(r"[0-9a-f]{64}", digest):
                raise LockError(
                    f"{name}:{number}: {digest!r} of {requirement.strip()!r} is no sha256: 64 digits of 0-9, a-f. "
                    f"{REGENERATE}"
                )
        package = normalize(match.group(1))
        if any(pin.name == package for pin in pins):
            raise LockError(f"{name}:{number}: {package!r} is pinned twice; keep one line. {REGENERATE}")
        pins.append(Pin(package, match.group(2), marker.strip(), hashes, line))
    if not pins:
        raise LockError(f"{name}: the lock is empty. {REGENERATE}")
    return pins
