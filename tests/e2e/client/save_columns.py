"""Save the model of columns.py.

usage: save_columns --output FOLDER
"""

from importlib import metadata
from pathlib import Path

import mlflow
import pandas as pd
from absl import app, flags
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema

_OUTPUT = flags.DEFINE_string("output", None, "Folder for the model; must not exist yet.", required=True)
_REQUIREMENTS = ("mlflow-skinny", "numpy", "pandas")


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments {argv[1:]}")
    mlflow.pyfunc.save_model(
        _OUTPUT.value,
        python_model=str(Path(__file__).with_name("columns.py")),
        signature=ModelSignature(
            Schema(
                [
                    ColSpec("double", "number"),
                    ColSpec("string", "text", required=False),
                    ColSpec("datetime", "when", required=False),
                ]
            ),
            Schema([ColSpec("double", "number"), ColSpec("string", "text"), ColSpec("datetime", "when")]),
            ParamSchema([ParamSpec("factor", "double", 1.0), ParamSpec("seconds", "double", 0.0)]),
        ),
        input_example=pd.DataFrame({"number": [1.0]}),
        pip_requirements=[f"{name}=={metadata.version(name)}" for name in _REQUIREMENTS],
    )


if __name__ == "__main__":
    app.run(main)
