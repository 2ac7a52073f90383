"""Loads a model in the environment that will serve it, and predicts on its input example.

usage: load_check.py --model DIR [--out STAMP]

Run by the environment's own interpreter, as a file, with nothing but that environment on its path: it imports the
standard library and mlflow only. A package that is missing is named.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile


def missing_module(error: BaseException) -> str:
    """The module that could not be imported, anywhere in an error's chain of causes; else empty."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ModuleNotFoundError) and seen.name:
            return seen.name
        seen = seen.__cause__ or seen.__context__
    return ""


def explain(error: BaseException) -> str:
    """One line on why a model does not load."""
    module = missing_module(error)
    if module:
        return (
            f"the model needs the Python module '{module}', which its environment lacks. "
            "Add the package that brings it to the input of the environment's lock and write the lock again"
        )
    text = " ".join(str(error).split())
    return f"the model does not load and predict in its environment: {type(error).__name__}: {text}"


def load_and_predict(folder: str) -> None:
    """Load the model in `folder` with mlflow.pyfunc; predict on its input example if it has one."""
    import mlflow.pyfunc
    import mlflow.tracing

    # MLflow 2 would make a folder for traces below the working directory.
    mlflow.tracing.disable()
    model = mlflow.pyfunc.load_model(folder)
    example = model.metadata.load_input_example(folder)
    if example is None:
        return
    params = model.metadata.load_input_example_params(folder)
    model.predict(example, params=params) if params else model.predict(example)


def main(argv: list[str]) -> int:
    """Command line entry; see the head of this file."""
    parser = argparse.ArgumentParser(description="Load a model and predict on its input example.")
    parser.add_argument("--model", required=True, help="folder of a saved MLflow model")
    parser.add_argument("--out", help="file to write when all is well")
    options = parser.parse_args(argv)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with tempfile.TemporaryDirectory() as scratch:
        # Packages keep caches in the home folder; a build action has none of its own.
        os.environ["HOME"] = scratch
        try:
            load_and_predict(options.model)
        except Exception as error:
            print(f"load_check: {explain(error)}", file=sys.stderr)
            return 1
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write("ok\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
