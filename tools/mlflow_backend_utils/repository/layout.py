"""Lays out one model folder of a Triton model repository.

    config.pbtxt
    triton_python_backend_stub     (0755)
    conda-pack.tar.gz              or env/, when the environment is a folder
    1/ 2/ …                        one MLflow model each

Files get mode 0644, folders 0755. Links are followed: a repository is copied to places that do not keep them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence

CONFIG_NAME = "config.pbtxt"
STUB_NAME = "triton_python_backend_stub"
ARCHIVE_NAME = "conda-pack.tar.gz"
ENV_FOLDER_NAME = "env"


class AssembleError(Exception):
    """The parts do not make a model folder; the text is one line for the user."""


def parse_versions(values: Sequence[str]) -> dict[int, str]:
    """Version number to folder, from `N=FOLDER` texts.

    Raises:
      AssembleError: a text is not of that form, a version is given twice, or there is none.
    """
    versions: dict[int, str] = {}
    for value in values:
        match = re.fullmatch(r"([1-9]\d*)=(.+)", value)
        if match is None:
            raise AssembleError(
                f"version {value!r} is not N=FOLDER with N a whole number from 1 on, such as 1=path/to/model"
            )
        number = int(match.group(1))
        if number in versions:
            raise AssembleError(f"version {number} is given twice: {versions[number]} and {match.group(2)}")
        versions[number] = match.group(2)
    if not versions:
        raise AssembleError("no version: give at least one, such as --version 1=path/to/model")
    return versions


def _copy_file(source: str, target: str, executable: bool = False) -> None:
    shutil.copyfile(source, target)
    os.chmod(target, 0o755 if executable else 0o644)


def copy_folder(source: str, target: str, keep_executable: bool = False, leave_out: Sequence[str] = ()) -> None:
    """Copy a folder, following links, with modes 0644 and 0755.

    Args:
      source: the folder.
      target: where its contents go.
      keep_executable: whether files that may be executed stay so.
      leave_out: names, at the top, that are not copied.
    """
    for where, folders, files in os.walk(source, followlinks=True):
        if where == source:
            folders[:] = [name for name in folders if name not in leave_out]
            files = [name for name in files if name not in leave_out]
        folders.sort()
        to = os.path.normpath(os.path.join(target, os.path.relpath(where, source)))
        os.makedirs(to, exist_ok=True)
        os.chmod(to, 0o755)
        for name in sorted(files):
            path = os.path.join(where, name)
            _copy_file(path, os.path.join(to, name), keep_executable and os.access(path, os.X_OK))


def assemble(config: str, stub: str, env: str, versions: Mapping[int, str], out: str) -> None:
    """Lay out a model folder at `out`. See the head of this file.

    Args:
      config: path of the config.
      stub: path of the stub; "" for none (the server's own is used).
      env: path of the environment, an archive or a folder; "" for none.
      versions: version number to model folder.
      out: the folder to write.

    Raises:
      AssembleError: a part is missing.
    """
    for what, path in (("config", config), ("stub", stub), ("environment", env)):
        if path and not os.path.exists(path):
            raise AssembleError(f"the {what} {path} does not exist")
    os.makedirs(out, exist_ok=True)
    os.chmod(out, 0o755)
    _copy_file(config, os.path.join(out, CONFIG_NAME))
    if stub:
        _copy_file(stub, os.path.join(out, STUB_NAME), executable=True)
    if os.path.isdir(env):
        copy_folder(env, os.path.join(out, ENV_FOLDER_NAME), keep_executable=True)
    elif env:
        _copy_file(env, os.path.join(out, ARCHIVE_NAME))
    for number, folder in sorted(versions.items()):
        if not os.path.isdir(folder):
            raise AssembleError(f"version {number}: {folder} is no folder")
        copy_folder(folder, os.path.join(out, str(number)))
