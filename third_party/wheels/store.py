"""Wheels fetched before, kept by sha256 so that a second fetch needs no network. Standard library only.

Below one folder lie `sha256/DIGEST/NAME.whl`, the files, and `picks/TARGET/DIGEST.json`, which say which file pip chose
for one locked package and one target. The choice is kept with the target, for a lock names files of every platform, and
what is taken must not depend on what else happens to be stored. A file is hashed again each time it is used and is
copied, never linked: whoever changes a copy does not harm the store.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from typing import Any


def sha256(path: str) -> str:
    """The sha256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def default_folder(environ: Any) -> str:
    """The store's usual place: below the user's cache folder."""
    cache = environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "mlflow-backend", "wheels")


class Store:
    """A folder of wheels, shared by any number of processes at the same time.

    Args:
      folder: where; made when something is put in.
      target: what wheels were chosen for, such as `3.11-manylinux_2_28_x86_64`.
    """

    def __init__(self, folder: str, target: str):
        self._folder = folder
        self._target = target

    def _pick_path(self, requirement: str) -> str:
        key = hashlib.sha256(requirement.encode()).hexdigest()
        return os.path.join(self._folder, "picks", self._target, key + ".json")

    def take(self, requirement: str, allowed: tuple[str, ...], out: str) -> str | None:
        """Copy the wheel once chosen for `requirement` into `out`.

        Args:
          requirement: the locked requirement's text, hashes included.
          allowed: the digests the lock names.
          out: an existing folder.

        Returns:
          The wheel's file name; None when there is none, or what is stored does not have its digest any more.
        """
        try:
            with open(self._pick_path(requirement), encoding="utf-8") as file:
                pick = json.load(file)
            digest, name = pick["sha256"], os.path.basename(pick["file"])
        except (OSError, ValueError, KeyError):
            return None
        path = os.path.join(self._folder, "sha256", digest, name)
        if digest not in allowed or not os.path.isfile(path) or sha256(path) != digest:
            return None
        _copy(path, os.path.join(out, name))
        return name

    def put(self, requirement: str, path: str) -> None:
        """Keep the wheel at `path` as the choice for `requirement`."""
        digest, name = sha256(path), os.path.basename(path)
        _copy(path, os.path.join(self._folder, "sha256", digest, name))
        pick = self._pick_path(requirement)
        os.makedirs(os.path.dirname(pick), exist_ok=True)
        temporary = f"{pick}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({"file": name, "sha256": digest}, file)
        os.replace(temporary, pick)


def _copy(source: str, target: str) -> None:
    """Copy so that `target` is whole or absent at any moment."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    temporary = f"{target}.{os.getpid()}"
    shutil.copyfile(source, temporary)
    os.replace(temporary, target)
