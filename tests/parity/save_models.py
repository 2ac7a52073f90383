"""Models from code, of scikit-learn, and that chat: cases.py, estimators.py and chats.py say which."""

from __future__ import annotations

from pathlib import Path

import cases
import chats
import estimators
import mlflow
import saving
from mlflow.models import ModelSignature

_CODE = Path(__file__).with_name("behaviours.py")


def _from_code(case: cases.Case) -> saving.Save:
    return lambda folder, requirements: mlflow.pyfunc.save_model(
        folder,
        python_model=str(_CODE),
        model_config={"behaviour": case.behaviour},
        signature=ModelSignature(case.inputs, case.outputs, case.params),
        input_example=case.example,
        pip_requirements=requirements,
    )


if __name__ == "__main__":
    saving.main(
        {name: _from_code(case) for name, case in cases.all_cases().items()}
        | estimators.all_estimators()
        | chats.all_chats(),
        ("mlflow-skinny", "numpy", "pandas", "scikit-learn", *(("skops",) if estimators.KNOWS_SKOPS else ())),
    )
