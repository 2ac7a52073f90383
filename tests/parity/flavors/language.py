"""Models of the transformers flavor: small networks with seeded random weights and real tokenizers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import torch
import transformers
import vocabulary
from mlflow.models import infer_signature
from mlflow.transformers.signature import infer_or_get_default_signature
from saving import Save

_TEXTS = ["The film was wonderful.", "Ana works for a bank in London and the food was terrible."]
_PROMPTS = ["Wine is made", "The quick brown fox jumps"]
_MASKED = ["Paris is the [MASK] of France.", "The [MASK] sleeps."]
_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
_NEW = 12
# The pipeline of transformers 4 draws lots unless it is told in each call.
_GREEDY = {"do_sample": False}


def bert(kind: str, **config: Any) -> Callable[[], dict[str, Any]]:
    """The components of a pipeline with a BERT and a head: `kind` as in BertForKIND, or "" for none."""

    def build() -> dict[str, Any]:
        tokenizer = vocabulary.wordpiece()
        torch.manual_seed(1)
        sizes = transformers.BertConfig(
            vocab_size=len(tokenizer), max_position_embeddings=64, initializer_range=0.5, **_SIZES, **config
        )
        head = getattr(transformers, f"BertFor{kind}" if kind else "BertModel")
        return {"model": head(sizes).eval(), "tokenizer": tokenizer}

    return build


def _gpt() -> dict[str, Any]:
    tokenizer = vocabulary.byte_pairs()
    torch.manual_seed(2)
    end = tokenizer.eos_token_id
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_positions=96, n_embd=32, n_layer=2, n_head=2, initializer_range=0.5
    )
    config.bos_token_id = config.eos_token_id = config.pad_token_id = end
    model = transformers.GPT2LMHeadModel(config).eval()
    model.generation_config.update(max_new_tokens=_NEW, max_length=None, do_sample=False, pad_token_id=end)
    return {"model": model, "tokenizer": tokenizer}


def _t5() -> dict[str, Any]:
    tokenizer = vocabulary.closed_byte_pairs()
    torch.manual_seed(3)
    config = transformers.T5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, initializer_factor=1.0
    )
    config.pad_token_id = config.decoder_start_token_id = tokenizer.pad_token_id
    config.eos_token_id = tokenizer.eos_token_id
    model = transformers.T5ForConditionalGeneration(config).eval()
    # The pipelines for summaries and translations count with a limit for the whole.
    model.generation_config.update(max_length=_NEW, max_new_tokens=None, do_sample=False)
    return {"model": model, "tokenizer": tokenizer}


def _pipeline(task: str, build: Callable[[], dict[str, Any]]) -> Any:
    return transformers.pipeline(task, **build(), device="cpu")


def _saved(
    task: str,
    build: Callable[[], dict[str, Any]],
    example: Any,
    *,
    params: dict[str, Any] | None = None,
    signature: str = "inferred",
    inference_task: str | None = None,
    **options: Any,
) -> Save:
    """Saves a pipeline.

    Args:
      task: of transformers.
      build: gives the pipeline's model and tokenizer.
      example: the input example.
      params: the model's params and their defaults.
      signature: `inferred` by MLflow from the example; `default`, that of the task; or `explicit`: from the example and
        what the pipeline itself answers.
      inference_task: MLflow's task, as `llm/v1/chat`; it brings its signature.
      **options: of `mlflow.transformers.save_model`.
    """

    def save(folder: Path, requirements: list[str]) -> None:
        pipeline = _pipeline(task, build)
        chosen = None
        if signature == "default":
            chosen = infer_or_get_default_signature(pipeline)
        elif signature == "explicit":
            chosen = infer_signature(example, ["text"], params=params)
        if task == "text-generation":
            options["model_config"] = _GREEDY | options.get("model_config", {})
        mlflow.transformers.save_model(
            pipeline,
            folder,
            signature=chosen,
            task=inference_task,
            input_example=(example, params) if params else example,
            pip_requirements=requirements,
            **options,
        )

    return save


def _components(folder: Path, requirements: list[str]) -> None:
    """A model and its tokenizer instead of a pipeline."""
    mlflow.transformers.save_model(
        _gpt(),
        folder,
        task="text-generation",
        model_config=_GREEDY,
        input_example=_PROMPTS,
        pip_requirements=requirements,
    )


def _checkpoint(folder: Path, requirements: list[str]) -> None:
    """The folder that `save_pretrained` writes."""
    with tempfile.TemporaryDirectory() as scratch:
        for component in bert("SequenceClassification", num_labels=3)().values():
            component.save_pretrained(scratch)
        mlflow.transformers.save_model(
            scratch,
            folder,
            task="text-classification",
            signature=infer_signature(_TEXTS, pd.DataFrame({"label": ["LABEL_0"], "score": [0.5]})),
            input_example=_TEXTS,
            pip_requirements=requirements,
        )


# Without "O", which the pipeline leaves out: MLflow fails where that is all there is.
_NAMES = {0: "B-PER", 1: "I-PER", 2: "B-LOC"}
_CLASSES = bert("SequenceClassification", num_labels=3)
_ENTITIES = bert("TokenClassification", id2label=_NAMES, label2id={name: key for key, name in _NAMES.items()})
_NLI = bert(
    "SequenceClassification",
    id2label={0: "contradiction", 1: "neutral", 2: "entailment"},
    label2id={"contradiction": 0, "neutral": 1, "entailment": 2},
)
_CHAT = pd.DataFrame(
    {
        "messages": [
            [{"role": "user", "content": "What is wine made from?"}],
            [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello, fox!"}],
        ],
        "max_tokens": [6, 6],
    }
)
_COMPLETIONS = pd.DataFrame({"prompt": _PROMPTS, "max_tokens": [5, 5]})
_CANDIDATES = {
    "sequences": "The weather was mild.",
    "candidate_labels": ["weather", "food", "travel"],
    "hypothesis_template": "This is about {}.",
}
_QUESTIONS = pd.DataFrame(
    {
        "question": ["Where does Ana work?", "What is the capital of France?"],
        "context": ["Ana works for a bank in London.", "Paris is the capital of France."],
    }
)

# For every version of transformers.
MODELS: dict[str, Save] = {
    "text_classification": _saved("text-classification", _CLASSES, _TEXTS),
    "token_classification": _saved("token-classification", _ENTITIES, _TEXTS, signature="default"),
    "text_generation_params": _saved(
        "text-generation", _gpt, _PROMPTS, params={"max_new_tokens": 4, "return_full_text": False}
    ),
    "fill_mask": _saved("fill-mask", bert("MaskedLM"), _MASKED, signature="default"),
    "feature_extraction": _saved("feature-extraction", bert(""), _TEXTS, signature="default"),
    "chat": _saved("text-generation", _gpt, _CHAT, inference_task="llm/v1/chat"),
}

# What need not be asked twice.
MORE_MODELS: dict[str, Save] = {
    "text_classification_default": _saved("text-classification", _CLASSES, _TEXTS, signature="default"),
    "text_classification_frame": _saved("text-classification", _CLASSES, pd.DataFrame({"text": _TEXTS})),
    "text_classification_all_scores": _saved("text-classification", _CLASSES, _TEXTS, params={"top_k": 3}),
    "token_classification_groups": _saved(
        "token-classification", _ENTITIES, _TEXTS, params={"aggregation_strategy": "simple"}
    ),
    "text_generation": _saved("text-generation", _gpt, _PROMPTS, signature="default"),
    "text_generation_explicit": _saved(
        "text-generation", _gpt, _PROMPTS, signature="explicit", params={"max_new_tokens": 7}
    ),
    "text_generation_template": _saved(
        "text-generation", _gpt, _PROMPTS, prompt_template="Say it well: {prompt}", model_config={"max_new_tokens": 5}
    ),
    "text_generation_components": _components,
    "feature_extraction_one": _saved("feature-extraction", bert(""), _TEXTS[0]),
    "zero_shot": _saved("zero-shot-classification", _NLI, _CANDIDATES),
    "completions": _saved("text-generation", _gpt, _COMPLETIONS, inference_task="llm/v1/completions"),
}

# What transformers 5 does not have any more, or MLflow cannot save with it.
TRANSFORMERS_4_MODELS: dict[str, Save] = {
    "text_classification_checkpoint": _checkpoint,
    "question_answering": _saved("question-answering", bert("QuestionAnswering"), _QUESTIONS),
    "summarization": _saved("summarization", _t5, _TEXTS, signature="default"),
    "text2text": _saved("text2text-generation", _t5, _TEXTS, params={"max_new_tokens": 5}),
    "translation": _saved("translation_en_to_de", _t5, _TEXTS),
}
