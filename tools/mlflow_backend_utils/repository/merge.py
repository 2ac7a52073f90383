"""Puts model folders into one repository; see sharing.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import app, flags

from mlflow_backend_utils.repository import layout, sharing

_MODEL = flags.DEFINE_multi_string("model", [], "A model, NAME=FOLDER.", required=True)
_OUT = flags.DEFINE_string("out", None, "Folder to write.", required=True)


def main(argv: Sequence[str]) -> None:
    """Command line entry."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}")
    models = dict(value.partition("=")[::2] for value in _MODEL.value)
    try:
        sharing.merge(models, _OUT.value)
    except layout.AssembleError as error:
        sys.exit(f"merge: {error}")


if __name__ == "__main__":
    app.run(main)
