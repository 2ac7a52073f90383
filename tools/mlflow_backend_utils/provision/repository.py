"""A model repository with one saved model, laid out from its parts."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mlflow_backend_utils.config.options import ConfigError, ConfigOptions
from mlflow_backend_utils.config.writer import render_config
from mlflow_backend_utils.messages.errors import InputError
from mlflow_backend_utils.repository import layout


def lay_out(folder: Path, model: Path, stub: Path, options: ConfigOptions) -> Path:
    """The repository `folder` with the model under the name in `options`.

    Args:
      folder: where; made.
      model: the saved model.
      stub: copied, for builds write it anew.
      options: of the configuration.

    Raises:
      InputError: no configuration can be written for the model.
    """
    target = folder / options.name
    target.mkdir(parents=True)
    # MLflow refuses a model whose folder is a link. Nobody writes to it, so its files can be shared.
    shutil.copytree(model.resolve(), target / "1", copy_function=_share)
    try:
        (target / layout.CONFIG_NAME).write_text(render_config(model, options), encoding="utf-8")
    except ConfigError as error:
        raise InputError(str(error)) from error
    shutil.copyfile(stub, target / layout.STUB_NAME)
    (target / layout.STUB_NAME).chmod(0o755)
    return folder


def _share(source: str, target: str) -> None:
    """A hard link where the file system allows it, else a copy; of what a link leads to."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)
