"""Copies a saved MLflow model, or a folder of them, and takes out what changes from run to run; see reproducible.py."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from absl import app, flags

from mlflow_backend.errors import BackendError
from mlflow_backend_utils.model import reproducible

_MODEL = flags.DEFINE_string("model", None, "Folder of a saved MLflow model.")
_MODELS = flags.DEFINE_string("models", None, "Folder with a folder for each model, instead of --model.")
_OUT = flags.DEFINE_string("out", None, "Folder to write the copy to.", required=True)


def main(argv: Sequence[str]) -> None:
    """Command line entry."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}")
    if bool(_MODEL.value) == bool(_MODELS.value):
        raise app.UsageError("give either --model or --models")
    if _MODELS.value:
        folders = {
            os.path.join(_MODELS.value, name): os.path.join(_OUT.value, name) for name in os.listdir(_MODELS.value)
        }
    else:
        folders = {str(_MODEL.value): _OUT.value}
    try:
        for source, target in folders.items():
            reproducible.normalize(source, target, reproducible.stated_time())
    except BackendError as error:
        sys.exit(f"normalize: {error}")


if __name__ == "__main__":
    app.run(main)
