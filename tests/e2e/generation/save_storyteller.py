"""Save a language model that was never trained, with a tokenizer that was.

usage: save_storyteller --output FOLDER [--layers N] [--width N]

Its texts have no sense, but words, and are always the same.
"""

import argparse
import os
from importlib import metadata

# There is nothing to look for.
os.environ["HF_HUB_OFFLINE"] = "1"

import mlflow.transformers
import pandas as pd
import tokenizers
import torch
import transformers
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema

_STORY = [
    "The server answers each request on its own, and the model's answer comes word by word.",
    "Don't wait for the end: who goes away, ends it.",
    "Über naïve Öfen erzählt man sich in 北京 und 東京 Geschichten 😀.",
]
_LONGEST = 4096
_PACKAGES = ("mlflow-skinny", "numpy", "pandas", "tokenizers", "torch", "transformers")


def _tokenizer() -> transformers.PreTrainedTokenizerFast:
    """Bytes to words, as GPT-2 has it."""
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=512, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(_STORY, trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<end>", pad_token="<end>")


def _pipeline(layers: int, width: int) -> transformers.Pipeline:
    tokenizer = _tokenizer()
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=width,
        n_layer=layers,
        n_head=4,
        n_positions=_LONGEST,
        # Larger than usual: else all it says is one word, again and again.
        initializer_range=0.3,
        bos_token_id=0,
        # It ends when it has said as much as it was asked for.
        eos_token_id=None,
    )
    return transformers.pipeline(
        "text-generation", model=transformers.GPT2LMHeadModel(config).eval(), tokenizer=tokenizer
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Save a language model that was never trained.")
    parser.add_argument("--output", required=True, help="folder for the model; must not exist yet")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=64)
    options = parser.parse_args()
    mlflow.transformers.save_model(
        _pipeline(options.layers, options.width),
        options.output,
        signature=ModelSignature(
            Schema([ColSpec("string", "text")]),
            Schema([ColSpec("string", "story")]),
            ParamSchema(
                [
                    ParamSpec("max_new_tokens", "integer", 16),
                    ParamSpec("do_sample", "boolean", False),
                    ParamSpec("temperature", "double", 1.0),
                ]
            ),
        ),
        input_example=(pd.DataFrame({"text": ["The server"]}), {"max_new_tokens": 4}),
        pip_requirements=[f"{name}=={metadata.version(name)}" for name in _PACKAGES],
    )


if __name__ == "__main__":
    main()
