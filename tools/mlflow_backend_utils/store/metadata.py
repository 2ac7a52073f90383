"""What a model's own `MLmodel` file says of it, as far as lists and searches want to know it."""

from __future__ import annotations

import os
from typing import Any

import yaml

from mlflow_backend_utils.store.errors import NotAModelError

# An MLmodel file of any size a person or MLflow writes; parsing a larger one would only take time.
_LARGEST = 16 << 20
_COPIED = ("run_id", "model_id", "model_uuid", "mlflow_version", "utc_time_created")


def describe(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """`flavors` (a sorted list of names) and, where they are stated, ids, versions and the time.

    Raises:
      NotAModelError: the `MLmodel` file in `folder` cannot be read.
    """
    path = os.path.join(folder, "MLmodel")
    if os.path.getsize(path) > _LARGEST:
        raise NotAModelError(f"MLmodel has more than {_LARGEST} bytes; that is no description of a model")
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise NotAModelError(f"MLmodel is no YAML: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("flavors"), dict):
        raise NotAModelError("MLmodel names no flavors; give a model that MLflow saved")
    found: dict[str, Any] = {"flavors": sorted(str(name) for name in content["flavors"])}
    found.update({key: str(content[key]) for key in _COPIED if content.get(key)})
    return found
