"""Save every model of the suite, each in a folder named like it.

usage: save_models --output FOLDER
"""

import tempfile
from importlib import metadata
from pathlib import Path

import mlflow
from absl import app, flags
from mlflow.models import ModelSignature

from mlflow_backend_utils.model import reproducible
from tests.parity import cases, estimators

_OUTPUT = flags.DEFINE_string("output", None, "Folder for the models' folders; must not exist yet.", required=True)
_REQUIREMENTS = ("mlflow-skinny", "numpy", "pandas", "scikit-learn", "skops")
_CODE = Path(__file__).with_name("behaviours.py")


def _from_code(case: cases.Case) -> estimators.Save:
    return lambda folder, requirements: mlflow.pyfunc.save_model(
        folder,
        python_model=str(_CODE),
        model_config={"behaviour": case.behaviour},
        signature=ModelSignature(case.inputs, case.outputs, case.params),
        input_example=case.example,
        pip_requirements=requirements,
    )


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments {argv[1:]}")
    requirements = [f"{name}=={metadata.version(name)}" for name in _REQUIREMENTS]
    models = {name: _from_code(case) for name, case in cases.all_cases().items()} | estimators.all_estimators()
    with tempfile.TemporaryDirectory() as scratch:
        for name, save in models.items():
            save(Path(scratch, name), requirements)
            target = Path(_OUTPUT.value, name)
            reproducible.normalize(str(Path(scratch, name)), str(target), reproducible.stated_time())


if __name__ == "__main__":
    app.run(main)
