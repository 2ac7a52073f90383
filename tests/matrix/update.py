"""Writes the table of tested versions into README.md: ./bazelw run //tests/matrix:update."""

import os
from pathlib import Path

from tests.matrix import versions
from tests.runfiles import runfiles


def main() -> None:
    readme = Path(os.environ["BUILD_WORKSPACE_DIRECTORY"], "README.md")
    table = versions.read(runfiles.path("TABLE"), runfiles.path("LOCK").parent)
    readme.write_text(versions.updated(readme.read_text(encoding="utf-8"), table), encoding="utf-8")


if __name__ == "__main__":
    main()
