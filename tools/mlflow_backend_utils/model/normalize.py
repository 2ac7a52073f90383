"""Copies a saved MLflow model and takes out what changes from run to run; see reproducible.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import app, flags

from mlflow_backend.errors import BackendError
from mlflow_backend_utils.model import reproducible

_MODEL = flags.DEFINE_string("model", None, "Folder of a saved MLflow model.", required=True)
_OUT = flags.DEFINE_string("out", None, "Folder to write the copy to.", required=True)


def main(argv: Sequence[str]) -> None:
    """Command line entry."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}")
    try:
        reproducible.normalize(_MODEL.value, _OUT.value, reproducible.stated_time())
    except BackendError as error:
        sys.exit(f"normalize: {error}")


if __name__ == "__main__":
    app.run(main)
