"""Which Python and Triton versions there are: the same table that the build settings have."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from mlflow_backend_utils.messages.errors import InputError

# The top of the checkout, or of the runfiles.
TOP = Path(__file__).resolve().parents[3]


def _table() -> dict[str, Any]:
    """The constants of config/versions.bzl; its plain assignments are Python too."""
    table = {}
    for node in ast.parse((TOP / "config" / "versions.bzl").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                table[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue  # computed from the others
    return table


def python_versions() -> list[str]:
    """The minor versions of Python, `X.Y`, that there are stubs for."""
    return list(_table()["STUB_PYTHON_VERSIONS"])


def python_version(given: str) -> str:
    """A supported minor version of Python, `X.Y`: stubs are compiled and environments packed for it.

    Raises:
      InputError: `given` is none.
    """
    supported = python_versions()
    if given not in supported:
        raise InputError(f"Python version {given!r} is not supported; choose one of {', '.join(supported)}")
    return given


def triton_version(given: str) -> str:
    """A supported Triton release, `YY.MM`; `rYY.MM`, as its branches are called, is taken too.

    Raises:
      InputError: `given` is none.
    """
    supported = sorted(_table()["TRITON_PROTOCOLS"])
    release = given.removeprefix("r")
    if release not in supported:
        choices = ", ".join("r" + version for version in supported)
        raise InputError(f"Triton version {given!r} is not supported; choose one of {choices}")
    return release
