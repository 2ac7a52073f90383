"""Models of the flavors that need PyTorch: pytorch, transformers, sentence_transformers; and parts of such models."""

from __future__ import annotations

import language
import plain
import saving
import sentences
import transformers

_MODELS = plain.MODELS | language.MODELS | sentences.MODELS
if transformers.__version__.startswith("4."):
    _MODELS |= language.TRANSFORMERS_4_MODELS
else:
    _MODELS |= plain.MORE_MODELS | language.MORE_MODELS | sentences.MORE_MODELS

if __name__ == "__main__":
    saving.main(
        _MODELS, ("mlflow-skinny", "numpy", "pandas", "sentence-transformers", "tokenizers", "torch", "transformers")
    )
