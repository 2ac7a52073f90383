"""Saves the models of a suite, each in a folder named like it.

usage: PROGRAM --output FOLDER [--model NAME …]

Run by the interpreter of the environment that will serve the models: it imports what that environment brings.
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

import mlflow.tracing

# Saves a model in a folder that does not exist yet, with these requirements.
Save = Callable[[Path, list[str]], None]


def main(models: Mapping[str, Save], packages: tuple[str, ...]) -> None:
    """Command line entry of a suite.

    Args:
      models: what saves a model, by its name.
      packages: distributions that every model requires, in the versions of this environment.
    """
    parser = argparse.ArgumentParser(description="Save the models of a suite.")
    parser.add_argument("--output", required=True, type=Path, help="folder for the models' folders")
    parser.add_argument("--model", action="append", help="name of a model to save; all, if there is none")
    options = parser.parse_args()
    names = options.model or list(models)
    unknown = [name for name in names if name not in models]
    if unknown:
        sys.exit(f"no model {', '.join(unknown)}; there are {', '.join(models)}")
    requirements = [f"{package}=={metadata.version(package)}" for package in packages]
    # What MLflow advises does not matter here.
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    # MLflow 2 would make a folder for traces below the working directory.
    mlflow.tracing.disable()
    for name in names:
        models[name](options.output / name, requirements)
