"""What `model_test` and `serve` have in common: their flags, and the repository they serve."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from absl import flags

_REPOSITORY = flags.DEFINE_string("repository", "", "Model repository: a folder that contains model folders.")
_MODEL_FOLDER = flags.DEFINE_string("model_folder", "", "One model folder, instead of --repository.")
_MODEL = flags.DEFINE_multi_string("model", [], "Name of a model; of the one in --model_folder, or to choose some.")
_TRITONSERVER = flags.DEFINE_string("tritonserver", "", "The server's program.")
_BACKEND = flags.DEFINE_multi_string("backend", [], "Folder of a Python-based backend, named like the backend.")


class UsageError(Exception):
    """The flags do not go together; the text says what is wanted."""


def tritonserver() -> Path:
    """The server's program.

    Raises:
      UsageError: --tritonserver is not given.
    """
    if not _TRITONSERVER.value:
        raise UsageError("give --tritonserver, the program in bin/ of a Triton installation")
    return Path(_TRITONSERVER.value)


def backends() -> list[Path]:
    """Folders of backends."""
    return [Path(folder) for folder in _BACKEND.value]


def repository(scratch: Path) -> Path:
    """A model repository below `scratch` with the models that the flags name.

    Build systems hand folders over full of links, and MLflow refuses a model whose files lead out of its folder. So
    model versions are copied; the rest, environments above all, is linked.

    Raises:
      UsageError: neither or both of --repository and --model_folder are given, or the folder does not exist.
    """
    if bool(_REPOSITORY.value) == bool(_MODEL_FOLDER.value):
        raise UsageError("give either --repository or --model_folder")
    folder = Path(_REPOSITORY.value or _MODEL_FOLDER.value).absolute()
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    if _MODEL_FOLDER.value and len(_MODEL.value) > 1:
        raise UsageError(f"--model_folder holds one model, but --model names {', '.join(_MODEL.value)}")
    models = scratch / "models"
    if _MODEL_FOLDER.value:
        take_model(folder, models / (_MODEL.value[0] if _MODEL.value else folder.name))
    else:
        for child in sorted(folder.iterdir()):
            if child.is_dir():
                take_model(child, models / child.name)
    return models


def take_model(source: Path, target: Path) -> None:
    """Make the model folder `target` of `source`: versions as copies, the rest as links."""
    target.mkdir(parents=True)
    for child in source.iterdir():
        if child.name.isdigit() and child.is_dir():
            shutil.copytree(child, target / child.name)
        else:
            os.symlink(child.resolve(), target / child.name)


def model_names(models: Path) -> list[str]:
    """Names of the models to look at: those that flags name, else all of the repository.

    Raises:
      UsageError: the repository lacks one of them, or is empty.
    """
    present = sorted(child.name for child in models.iterdir() if (child / "config.pbtxt").exists())
    for name in _MODEL.value:
        if name not in present:
            raise UsageError(f"no model {name!r} in the repository; there are: {', '.join(present) or 'none'}")
    if not present:
        raise UsageError(f"{models}: no folder with a config.pbtxt in it")
    return list(_MODEL.value) or present
