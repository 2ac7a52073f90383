"""Save the model of image.py.

usage: save_image --output FOLDER
"""

from importlib import metadata
from pathlib import Path

import mlflow
import numpy as np
from absl import app, flags
from mlflow.models import ModelSignature
from mlflow.types.schema import Schema, TensorSpec

_OUTPUT = flags.DEFINE_string("output", None, "Folder for the model; must not exist yet.", required=True)
_REQUIREMENTS = ("mlflow-skinny", "numpy", "pandas")


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments {argv[1:]}")
    kind = np.dtype(np.float32)
    mlflow.pyfunc.save_model(
        _OUTPUT.value,
        python_model=str(Path(__file__).with_name("image.py")),
        signature=ModelSignature(Schema([TensorSpec(kind, (-1, 2))]), Schema([TensorSpec(kind, (-1,))])),
        input_example=np.ones((1, 2), kind),
        pip_requirements=[f"{name}=={metadata.version(name)}" for name in _REQUIREMENTS],
    )


if __name__ == "__main__":
    app.run(main)
