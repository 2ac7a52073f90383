"""A model from code that is a tokenizer and nothing else."""

from __future__ import annotations

from typing import Any

import mlflow
from transformers import AutoTokenizer


class Tokens(mlflow.pyfunc.PythonModel):
    def load_context(self, context: Any) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(context.artifacts["tokenizer"])

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        padded = self.tokenizer(
            model_input["text"].tolist(), padding="max_length", truncation=True, max_length=24, return_tensors="np"
        )
        return {name: padded[name] for name in ("input_ids", "attention_mask")}


mlflow.models.set_model(Tokens())
