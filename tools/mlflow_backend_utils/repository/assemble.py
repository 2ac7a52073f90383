"""Lays out one model folder of a Triton model repository; see layout.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import app, flags

from mlflow_backend_utils.repository import layout

_CONFIG = flags.DEFINE_string("config", None, "The model's config.pbtxt.", required=True)
_STUB = flags.DEFINE_string("stub", "", "The model's triton_python_backend_stub.")
_ENV = flags.DEFINE_string("env", "", "The execution environment: a .tar.gz, or a folder.")
_VERSION = flags.DEFINE_multi_string("version", [], "A model version, N=FOLDER.")
_OUT = flags.DEFINE_string("out", None, "Folder to write.", required=True)


def main(argv: Sequence[str]) -> None:
    """Command line entry."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}")
    try:
        versions = layout.parse_versions(_VERSION.value)
        layout.assemble(_CONFIG.value, _STUB.value, _ENV.value, versions, _OUT.value)
    except layout.AssembleError as error:
        sys.exit(f"assemble: {error}")


if __name__ == "__main__":
    app.run(main)
