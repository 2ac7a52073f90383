"""Files that a rule names to its program: environment variables that hold runfiles paths (`$(rlocationpath …)`)."""

from __future__ import annotations

import os
from pathlib import Path


def path(variable: str) -> Path:
    """The one file or folder of a variable.

    Raises:
      KeyError: the rule has not set it.
    """
    return Path(os.environ["RUNFILES_DIR"], os.environ[variable])


def paths(variable: str) -> list[Path]:
    """The files of a variable (`$(rlocationpaths …)`); none, if the rule has not set it."""
    return [Path(os.environ["RUNFILES_DIR"], one) for one in os.environ.get(variable, "").split()]
