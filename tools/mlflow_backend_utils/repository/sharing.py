"""Puts model folders into one repository, storing equal environments once.

The first model (by name) that has an environment holds it; the others' `EXECUTION_ENV_PATH` points into that model's
folder. A server unpacks an archive once for each path, so models that share one also load faster.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from mlflow_backend_utils.repository import layout

_OWN = "$$TRITON_MODEL_DIRECTORY/"


def digest(path: str) -> str:
    """sha256 of a file, or of the names, modes and contents of a folder."""
    if os.path.isfile(path):
        content = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                content.update(block)
        return content.hexdigest()
    total = hashlib.sha256()
    for where, folders, files in os.walk(path, followlinks=True):
        folders.sort()
        for name in sorted(files):
            file_path = os.path.join(where, name)
            executable = os.access(file_path, os.X_OK)
            total.update(f"{os.path.relpath(file_path, path)}\0{executable}\0{digest(file_path)}\n".encode())
    return total.hexdigest()


def merge(models: Mapping[str, str], out: str) -> None:
    """Write the repository `out`.

    Args:
      models: name to model folder.
      out: the folder to write: `NAME/` for each model.

    Raises:
      AssembleError: a folder holds no config.pbtxt, or one that does not point to the environment beside it.
    """
    holders: dict[str, str] = {}
    for name, folder in sorted(models.items()):
        if not os.path.isfile(os.path.join(folder, layout.CONFIG_NAME)):
            raise layout.AssembleError(f"model {name}: {folder} holds no {layout.CONFIG_NAME}; give a model folder")
        environment = next(
            (part for part in (layout.ARCHIVE_NAME, layout.ENV_FOLDER_NAME) if os.path.exists(f"{folder}/{part}")), ""
        )
        shared = ""
        if environment:
            holder = holders.setdefault(digest(os.path.join(folder, environment)), name)
            shared = f"{_OWN}../{holder}/{environment}" if holder != name else ""
        target = os.path.join(out, name)
        layout.copy_folder(folder, target, keep_executable=True, leave_out=(environment,) if shared else ())
        if shared:
            _point_to(os.path.join(target, layout.CONFIG_NAME), _OWN + environment, shared)


def _point_to(config: str, own: str, shared: str) -> None:
    with open(config, encoding="utf-8") as file:
        text = file.read()
    quoted = f'"{own}"'
    if text.count(quoted) != 1:
        raise layout.AssembleError(
            f"{config} names {quoted} {text.count(quoted)} times instead of once, so its environment cannot be shared; "
            "set EXECUTION_ENV_PATH to it"
        )
    with open(config, "w", encoding="utf-8") as file:
        file.write(text.replace(quoted, f'"{shared}"'))
