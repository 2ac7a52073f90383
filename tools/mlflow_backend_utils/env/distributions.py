"""Which distributions a lock or a set of wheels holds: name and version."""

from __future__ import annotations

import os
from collections.abc import Iterable

from mlflow_backend_utils.env import lock


def of_lock(text: str, name: str) -> dict[str, str]:
    """Normalized name to version of everything a lock pins.

    Raises:
      lock.LockError: it is no hashed lock; the text names line and remedy.
    """
    return {pin.name: pin.version for pin in lock.parse(text, name)}


def of_wheels(wheels: Iterable[str]) -> dict[str, str]:
    """Normalized name to version of wheels, from their file names (PEP 427)."""
    parts = (os.path.basename(wheel).split("-") for wheel in wheels)
    return {lock.normalize(part[0]): part[1] for part in parts}
