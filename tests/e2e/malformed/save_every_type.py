"""Save the model of every_type.py, whose signature has a column of each type.

usage: save_every_type --output FOLDER
"""

from importlib import metadata
from pathlib import Path

import mlflow
import pandas as pd
from absl import app, flags
from mlflow.models import ModelSignature
from mlflow.types.schema import Array, ColSpec, Map, Object, ParamSchema, ParamSpec, Property, Schema

_OUTPUT = flags.DEFINE_string("output", None, "Folder for the model; must not exist yet.", required=True)
_REQUIREMENTS = ("mlflow-skinny", "numpy", "pandas")
_PLAIN = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
_NESTED = {
    "array": Array("double"),
    "object": Object([Property("a", "long"), Property("b", "string", required=False)]),
    "map": Map("double"),
}


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments {argv[1:]}")
    columns = [ColSpec(kind, kind, required=kind == "long") for kind in _PLAIN]
    columns += [ColSpec(kind, name, required=False) for name, kind in _NESTED.items()]
    # A request need not have every column, and the answer has those that it has.
    mlflow.pyfunc.save_model(
        _OUTPUT.value,
        python_model=str(Path(__file__).with_name("every_type.py")),
        signature=ModelSignature(
            Schema(columns),
            Schema([ColSpec("long", "long")]),
            ParamSchema([ParamSpec("k", "long", 1), ParamSpec("list", "double", [0.5], (-1,))]),
        ),
        input_example=pd.DataFrame({"long": [1, 2]}),
        pip_requirements=[f"{name}=={metadata.version(name)}" for name in _REQUIREMENTS],
    )


if __name__ == "__main__":
    app.run(main)
