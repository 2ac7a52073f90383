"""Saves the models of assistants.py and behaviours.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import assistants
import mlflow
import numpy as np
import pandas as pd
import saving
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema, TensorSpec

_HERE = Path(__file__).parent


def _chat(model: Any) -> saving.Save:
    return lambda folder, requirements: mlflow.pyfunc.save_model(
        folder, python_model=model, code_paths=[str(_HERE / "assistants.py")], pip_requirements=requirements
    )


def _behaviour(name: str, inputs: Schema, outputs: Schema, example: Any, **options: Any) -> saving.Save:
    return lambda folder, requirements: mlflow.pyfunc.save_model(
        folder,
        python_model=str(_HERE / "behaviours.py"),
        model_config={"behaviour": name},
        signature=ModelSignature(inputs, outputs),
        input_example=example,
        pip_requirements=requirements,
        **options,
    )


def _columns(**kinds: str) -> Schema:
    return Schema([ColSpec(kind, name) for name, kind in kinds.items()])


if __name__ == "__main__":
    saving.main(
        {
            "chat_model": _chat(assistants.Model()),
            "chat_agent": _chat(assistants.Agent()),
            "responses_agent": _chat(assistants.Responder()),
            "hungry": _behaviour(
                "hungry",
                _columns(mebibytes="long"),
                _columns(mebibytes="long", process="long"),
                pd.DataFrame({"mebibytes": [1]}),
                # One answer for all rows.
                metadata={"max_batch_size": 0},
            ),
            "optional": _behaviour(
                "total",
                Schema([ColSpec("double", "x"), ColSpec("double", "maybe", required=False)]),
                Schema([ColSpec("double")]),
                pd.DataFrame({"x": [1.0], "maybe": [2.0]}),
            ),
            "slow": _behaviour(
                "slow", _columns(seconds="double"), _columns(seconds="double"), pd.DataFrame({"seconds": [0.0]})
            ),
            "widths": _behaviour(
                "widths",
                Schema([TensorSpec(np.dtype("float64"), (-1, -1))]),
                Schema([TensorSpec(np.dtype("float64"), (-1, 2))]),
                np.ones((1, 2)),
            ),
        },
        ("mlflow-skinny", "numpy", "pandas"),
    )
