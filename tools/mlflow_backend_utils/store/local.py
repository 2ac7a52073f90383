"""Models in local folders and archives."""

from __future__ import annotations

import os

from mlflow_backend_utils.store import archive, source, uri
from mlflow_backend_utils.store.errors import NotAModelError, NotFoundError
from mlflow_backend_utils.store.limits import Budget


def fetch(given: str, scratch: str, budget: Budget) -> source.Fetched:
    """The model at a path or `file:` URI; an archive is unpacked below `scratch`.

    Raises:
      NotFoundError: nothing is there.
      NotAModelError, ArchiveError, LimitError: what is there is no model.
    """
    path = uri.local_path(given)
    if os.path.isdir(path):
        if not os.path.isfile(os.path.join(path, "MLmodel")):
            source.find_model(path, given)  # for its error
            raise NotAModelError(f"{given} has no file MLmodel, but a folder in it has one; give that folder")
        return source.Fetched(path, False, {})
    if not os.path.exists(path):
        raise NotFoundError(f"{given}: no such folder or archive. Allowed are {uri.ALLOWED}")
    if not archive.is_archive(path):
        raise NotAModelError(f"{given} is neither a folder nor an archive (.tar.gz, .tar, .tar.bz2, .tar.xz, .zip)")
    return source.Fetched(source.unpacked(path, scratch, given, budget), True, {})
