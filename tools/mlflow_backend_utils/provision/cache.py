"""Things that take long to make, kept under a key of all that they are made of."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from mlflow_backend_utils.store import locks, store


def folder(environ: Mapping[str, str]) -> Path:
    """The cache folder of a user."""
    return Path(store.user_cache(environ))


def key(*parts: str) -> str:
    """A name for what is made of `parts`."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def kept(path: Path, make: Callable[[Path], None]) -> Path:
    """`path`, made if it is not there.

    Args:
      path: a file or folder in the cache.
      make: gets a path beside it, and writes there. What fails is not kept, and only one process makes a thing.
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with locks.held(str(path) + ".mutex", exclusive=True):
        if path.exists():
            return path
        partial = path.with_name(path.name + ".partial")
        _remove(partial)
        try:
            make(partial)
            partial.rename(path)
        finally:
            _remove(partial)
    return path


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
