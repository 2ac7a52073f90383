"""Models of the pytorch flavor in the forms that MLflow saves, and parts of models that models from code load."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import mlflow
import networks
import numpy as np
import pandas as pd
import torch
import vocabulary
from mlflow.models import infer_signature
from saving import Save

_HERE = Path(__file__).parent
# MLflow 2 writes pickles alone, and has no such option.
_PICKLE = {} if mlflow.__version__.startswith("2.") else {"serialization_format": "pickle"}
_NUMBERS = np.random.default_rng(0)
_ROWS = _NUMBERS.normal(size=(4, 8)).astype(np.float32)
_IMAGES = _NUMBERS.normal(size=(3, 1, 8, 8)).astype(np.float32)
_TOKENS = _NUMBERS.integers(0, 50, (2, 6))


def _saved(
    kind: type[torch.nn.Module],
    example: Any,
    *,
    script: bool = False,
    params: dict[str, Any] | None = None,
    **options: Any,
) -> Save:
    """Saves a module of random weights; `script`: as TorchScript."""

    def save(folder: Path, requirements: list[str]) -> None:
        torch.manual_seed(4)
        module: Any = kind().eval()
        tensor = torch.from_numpy(example.to_numpy(np.float32) if hasattr(example, "columns") else example)
        answer: Any = module(tensor).detach().numpy()
        if hasattr(example, "columns"):
            answer = pd.DataFrame(answer)
        code = {} if script or options.get("serialization_format") == "pt2" else {"code_paths": [networks.__file__]}
        mlflow.pytorch.save_model(
            torch.jit.script(module) if script else module,
            folder,
            signature=infer_signature(example, answer, params=params),
            input_example=(example, params) if params else example,
            pip_requirements=requirements,
            **(options or _PICKLE),
            **code,
        )

    return save


def _state_dict(folder: Path, requirements: list[str]) -> None:
    torch.manual_seed(5)
    with tempfile.TemporaryDirectory() as scratch:
        weights = Path(scratch, "weights.pt")
        torch.save(networks.Wide().state_dict(), weights)
        mlflow.pyfunc.save_model(
            folder,
            python_model=str(_HERE / "weights.py"),
            code_paths=[networks.__file__],
            artifacts={"weights": str(weights)},
            signature=infer_signature({"rows": _ROWS}, {"classes": np.zeros((4, 3), np.float32)}),
            input_example={"rows": _ROWS},
            pip_requirements=requirements,
        )


def _tokenizer(folder: Path, requirements: list[str]) -> None:
    example = pd.DataFrame({"text": list(vocabulary.TEXT[:3])})
    ids = np.zeros((3, 24), np.int64)
    with tempfile.TemporaryDirectory() as scratch:
        vocabulary.wordpiece().save_pretrained(scratch)
        mlflow.pyfunc.save_model(
            folder,
            python_model=str(_HERE / "tokens.py"),
            artifacts={"tokenizer": scratch},
            signature=infer_signature(example, {"input_ids": ids, "attention_mask": ids}),
            input_example=example,
            pip_requirements=requirements,
        )


# For every version of MLflow.
MODELS: dict[str, Save] = {
    "torch_pickle": _saved(networks.Wide, _ROWS),
    "torch_frame": _saved(networks.Wide, pd.DataFrame(_ROWS.astype(np.float64), columns=list("abcdefgh"))),
}

MORE_MODELS: dict[str, Save] = {
    "torch_exported": _saved(networks.Pixels, _IMAGES, serialization_format="pt2"),
    "torch_script": _saved(networks.Sequences, _TOKENS, script=True),
    "torch_params": _saved(networks.Scaled, _ROWS, params={"scale": 2.5}),
    "torch_state_dict": _state_dict,
    "tokenizer_only": _tokenizer,
}
