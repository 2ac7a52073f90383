"""Packs a Python runtime and wheels into an execution environment in conda-pack's layout; see packer.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import app, flags

from mlflow_backend_utils.env import packer

_RUNTIME = flags.DEFINE_string("runtime", None, "Folder of a relocatable CPython.", required=True)
_WHEEL = flags.DEFINE_multi_string("wheel", [], "A wheel to put in.")
_OUT = flags.DEFINE_string("out", "", "The archive to write, a .tar.gz.")
_OUT_DIR = flags.DEFINE_string("out_dir", "", "Folder to write the same environment to.")
_LEVEL = flags.DEFINE_integer("level", 4, "gzip level.", lower_bound=0, upper_bound=9)
_PYC = flags.DEFINE_enum(
    "pyc", "none", ["none", "unchecked"], "Bytecode: none, or hash-based and never checked against the source."
)
_EXCLUDE = flags.DEFINE_multi_string("exclude", [], "Pattern of paths in the environment to leave out.")
_CONDA_PACK_WHEEL = flags.DEFINE_string(
    "conda_pack_wheel", "", "The wheel of conda-pack; its activate and conda-unpack scripts are put in."
)
_THREADS = flags.DEFINE_integer("threads", 0, "Cores to use; 0 for all. Does not change the result.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    """Command line entry."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}")
    try:
        packer.pack(
            _RUNTIME.value,
            _WHEEL.value,
            out=_OUT.value,
            out_dir=_OUT_DIR.value,
            level=_LEVEL.value,
            pyc=_PYC.value,
            exclude=_EXCLUDE.value,
            conda_pack_wheel=_CONDA_PACK_WHEEL.value,
            threads=_THREADS.value,
        )
    except packer.ERRORS as error:
        sys.exit(f"pack: {error}")


if __name__ == "__main__":
    app.run(main)
