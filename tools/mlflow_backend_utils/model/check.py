"""Checks that an environment suits a model; see suitability.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import app, flags

from mlflow_backend_utils.model import suitability

_MODEL = flags.DEFINE_string("model", None, "Folder of a saved MLflow model.", required=True)
_LOCK = flags.DEFINE_string("lock", None, "The hashed requirement lock of the environment.", required=True)
_PYTHON_VERSION = flags.DEFINE_string("python_version", None, "Python of the environment, X.Y.", required=True)
_OUT = flags.DEFINE_string("out", None, "File to write when all is well.", required=True)


def main(argv: Sequence[str]) -> None:
    """Command line entry."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}")
    problems = suitability.check(_MODEL.value, _LOCK.value, _PYTHON_VERSION.value)
    if problems:
        sys.exit("\n".join(f"check: {problem}" for problem in problems))
    with open(_OUT.value, "w", encoding="utf-8") as file:
        file.write("ok\n")


if __name__ == "__main__":
    app.run(main)
