"""Checks before serving that an environment suits a model, from files alone: nothing is imported.

A model that needs a package its environment lacks is found here, at build time.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mlflow_backend import metadata, schema
from mlflow_backend.errors import BackendError, MetadataError
from mlflow_backend_utils.env import distributions, lock

# Other distributions of the same module, which serve just as well: mlflow without its tracking server, XGBoost without
# CUDA.
_STANDS_FOR = {"mlflow": ("mlflow-skinny",), "xgboost": ("xgboost-cpu",)}


def requirements(text: str, name: str) -> Iterator[Requirement]:
    """The requirements a model states.

    Args:
      text: a requirements file.
      name: what to call it in errors.

    Raises:
      MetadataError: a line is no requirement.
    """
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition(" #")[0].strip()
        # Options name constraints or indexes: they say nothing about what is needed.
        if not line or line.startswith(("#", "-")):
            continue
        try:
            yield Requirement(line)
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            raise MetadataError(f"{name}:{number}: {line!r} is no requirement: {reason}") from error


def unmet(requirement: Requirement, pins: Mapping[str, str], python_version: str) -> str:
    """Why `pins` do not satisfy `requirement`, in words; empty when they do.

    Args:
      requirement: what a model needs.
      pins: normalized name to version of what an environment holds.
      python_version: `X.Y` of the environment.
    """
    target = {"python_version": python_version, "python_full_version": python_version + ".0", "sys_platform": "linux"}
    if requirement.marker and not requirement.marker.evaluate({**target, "platform_system": "Linux"}):
        return ""
    name = canonicalize_name(requirement.name)
    found = {other: pins[other] for other in (name, *_STANDS_FOR.get(name, ())) if other in pins}
    if not found:
        return "is not in it"
    versions = [version for version in found.values() if requirement.specifier.contains(version, prereleases=True)]
    return "" if versions else "it has " + " and ".join(f"{other}=={version}" for other, version in found.items())


def check(folder: str, lock_file: str, python_version: str) -> list[str]:
    """What keeps the model in `folder` from being served in an environment; one line each, none when all is well.

    Args:
      folder: a saved MLflow model.
      lock_file: path of the environment's lock.
      python_version: `X.Y` of the environment.
    """
    problems: list[str] = []
    try:
        model = metadata.read(pathlib.Path(folder))
        schema.build(model.signature)
        with open(lock_file, encoding="utf-8") as file:
            pins = distributions.of_lock(file.read(), os.path.basename(lock_file))
        problems += _python_problem(model, python_version)
        path = os.path.join(folder, "requirements.txt")
        text = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                text = file.read()
        for requirement in requirements(text, path):
            reason = unmet(requirement, pins, python_version)
            if reason:
                problems.append(
                    f"the model needs {requirement}, but the environment's lock {os.path.basename(lock_file)} does not "
                    f"provide it: {reason}. Add {str(requirement)!r} to the input of the lock and write the lock again"
                )
    except (BackendError, lock.LockError) as error:
        problems.append(str(error))
    return problems


def _python_problem(model: metadata.ModelMetadata, python_version: str) -> list[str]:
    flavor = model.flavors.get("python_function")
    if flavor is None:
        return [
            f"{model.folder}: no flavor 'python_function' (flavors: {', '.join(sorted(model.flavors))}). "
            "Save the model with a flavor that mlflow.pyfunc can load"
        ]
    stated = str(flavor.get("python_version") or "")
    if not stated or stated.split(".")[:2] == python_version.split(".")[:2]:
        return []
    return [
        f"the model was saved with Python {stated}, but the environment has Python {python_version}. "
        f"Build the environment for {'.'.join(stated.split('.')[:2])}, or save the model again with {python_version}"
    ]
