"""A model repository with one saved model, laid out from its parts."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlflow_backend_utils.config.options import ConfigError, ConfigOptions
from mlflow_backend_utils.config.writer import render_config
from mlflow_backend_utils.provision.errors import InputError
from mlflow_backend_utils.repository import layout


def lay_out(folder: Path, model: Path, stub: Path, options: ConfigOptions) -> Path:
    """The repository `folder` with the model under the name in `options`.

    Args:
      folder: where; made.
      model: the saved model; it is linked, and never written to.
      stub: copied, for builds write it anew.
      options: of the configuration.

    Raises:
      InputError: no configuration can be written for the model.
    """
    target = folder / options.name
    target.mkdir(parents=True)
    (target / "1").symlink_to(model.resolve(), target_is_directory=True)
    try:
        (target / layout.CONFIG_NAME).write_text(render_config(model, options), encoding="utf-8")
    except ConfigError as error:
        raise InputError(str(error)) from error
    shutil.copyfile(stub, target / layout.STUB_NAME)
    (target / layout.STUB_NAME).chmod(0o755)
    return folder
