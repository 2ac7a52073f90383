"""What every kind of URI gives: a folder with a model, and what is known about it."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from mlflow_backend_utils.store import archive
from mlflow_backend_utils.store.errors import NotAModelError
from mlflow_backend_utils.store.limits import Budget

_MLMODEL = "MLmodel"


class Fetched(NamedTuple):
    """A model that lies in a local folder.

    Attributes:
      folder: the one with `MLmodel`.
      ours: whether the folder may be taken apart; otherwise it is the user's own.
      metadata: what is known besides the files: `run`, `model_version`, `logged_model` (see tracking.py).
    """

    folder: str
    ours: bool
    metadata: dict[str, Any]


def find_model(folder: str, uri: str) -> str:
    """The folder of the model in what was fetched: `folder` itself, or the only folder in it.

    Raises:
      NotAModelError: neither has a file `MLmodel`.
    """
    if os.path.isfile(os.path.join(folder, _MLMODEL)):
        return folder
    names = sorted(os.listdir(folder))
    if len(names) == 1 and os.path.isfile(os.path.join(folder, names[0], _MLMODEL)):
        return os.path.join(folder, names[0])
    there = ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "nothing"
    raise NotAModelError(f"{uri} has no file MLmodel; it holds {there}. Give the folder that MLflow saved")


def unpacked(file: str, scratch: str, uri: str, budget: Budget) -> str:
    """The folder of the model in the archive `file`, unpacked below `scratch`.

    Raises:
      ArchiveError, LimitError, NotAModelError: it holds no model, or must not be unpacked.
    """
    folder = os.path.join(scratch, "unpacked")
    archive.unpack(file, folder, budget)
    return find_model(folder, uri)
