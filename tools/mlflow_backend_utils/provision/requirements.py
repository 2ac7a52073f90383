"""What a saved model needs: a Python, and packages."""

from __future__ import annotations

from pathlib import Path

import yaml
from packaging.utils import canonicalize_name

from mlflow_backend.errors import BackendError
from mlflow_backend.metadata import ModelMetadata
from mlflow_backend_utils.messages.errors import InputError
from mlflow_backend_utils.model import suitability

_FILE = "requirements.txt"
_CONDA_FILE = "conda.yaml"
# What the backend imports besides the model's own packages.
_ALWAYS = ("mlflow-skinny", "numpy", "pandas")
_MLFLOWS = ("mlflow", "mlflow-skinny")


def python_version(model: ModelMetadata, given: str | None, supported: tuple[str, ...]) -> str:
    """The minor version, `X.Y`, that a model is served with.

    Args:
      model: as it was saved.
      given: what the user wants; None: what the model was saved with.
      supported: what there are stubs for.

    Raises:
      InputError: there is no stub for it, or the model does not say and neither does the user.
    """
    flavor = model.flavors.get("python_function") or {}
    stated = ".".join(str(flavor.get("python_version") or "").split(".")[:2])
    version = given or stated
    if version in supported:
        return version
    if not version:
        raise InputError(f"{model.folder}: MLmodel does not say with which Python it was saved; give --python-version")
    whose = "--python-version is" if given else "the model was saved with Python"
    raise InputError(f"{whose} {version}; there are stubs for {', '.join(supported)}. Give one with --python-version")


def text(model: ModelMetadata) -> str:
    """The requirements of a model, as lines of a requirements file, with what the backend itself needs.

    Raises:
      InputError: what the model states cannot be read, or comes from conda and not from pip.
    """
    try:
        stated = list(suitability.requirements(*_stated(model.folder)))
    except (BackendError, OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{model.folder}: {error}") from None
    names = {canonicalize_name(requirement.name) for requirement in stated}
    missing = [name for name in _ALWAYS if name not in names]
    if names & set(_MLFLOWS):
        missing = [name for name in missing if name not in _MLFLOWS]
    elif model.mlflow_version:
        missing = [f"{name}=={model.mlflow_version}" if name in _MLFLOWS else name for name in missing]
    return "".join(f"{line}\n" for line in (*stated, *missing))


def _stated(folder: Path) -> tuple[str, str]:
    """Text and name of the model's requirements."""
    path = folder / _FILE
    if path.exists():
        return path.read_text(encoding="utf-8"), str(path)
    conda = folder / _CONDA_FILE
    if not conda.exists():
        return "", str(path)
    wanted = (yaml.safe_load(conda.read_text(encoding="utf-8")) or {}).get("dependencies") or []
    lines = [line for entry in wanted if isinstance(entry, dict) for line in entry.get("pip") or []]
    return "\n".join(map(str, lines)), str(conda)
