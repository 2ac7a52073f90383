"""Save the model of words.py.

usage: save_words --output FOLDER
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
        python_model=str(Path(__file__).with_name("words.py")),
        signature=ModelSignature(
            Schema([ColSpec("string", "text")]),
            Schema([ColSpec("string", "word")]),
            ParamSchema([ParamSpec("seconds", "double", 0.0), ParamSpec("endless", "boolean", False)]),
        ),
        input_example=pd.DataFrame({"text": ["so many words"]}),
        pip_requirements=[f"{name}=={metadata.version(name)}" for name in _REQUIREMENTS],
    )


if __name__ == "__main__":
    app.run(main)
