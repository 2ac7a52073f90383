"""Text of a transformers pipeline while it is being generated.

MLflow calls a pipeline and waits for the whole text. `Generation.heard_by` lets a listener hear, in the same thread,
what there is after each token; the call itself goes on as it would, and gives the whole text to whoever made it.

Made of the hooks that transformers gives to authors of pipelines (`_sanitize_parameters`, `preprocess`, `_forward`,
`postprocess`) and of `generate`'s streamer. The text so far is what the pipeline's own `postprocess` makes of the
tokens so far, so prompts, special tokens and spaces are treated as in the whole text, in every version of transformers.
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
import transformers
from transformers.generation import BaseStreamer

# Time between two looks at the text, in units of what a look takes. To decode takes longer the longer the text is: of a
# text of thousands of tokens several are looked at together, so that this costs a tenth of the time at most.
_PAUSE = 9

# What `clean_up_tokenization` of transformers shortens: its blanks may go away when the rest of such a word comes.
_CLEANED_UP = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're", " do not")
_BEGUN = {word[:length] for word in _CLEANED_UP for length in range(1, len(word))}

# A token of one byte, in vocabularies that fall back on them.
_BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>")
_REPLACEMENT_CHARACTER = "\ufffd"


class Listener(Protocol):
    """Hears one generation."""

    def check(self) -> None:
        """Called for each token; what it raises ends the generation, and is let through."""
        ...

    def hear(self, text: str) -> None:
        """The text so far, as far as no later token changes it; may raise, too."""
        ...


def generates(pipeline: Any) -> bool:
    """Whether `Generation` can have this pipeline."""
    # Translation and summarization are kinds of text2text, which transformers 5 has no more.
    kinds = (getattr(transformers, f"{kind}GenerationPipeline", ()) for kind in ("Text", "Text2Text"))
    return any(isinstance(pipeline, kind) for kind in kinds)


@dataclass
class _Call:
    """One call of a pipeline: who hears it, and the parameters of its `postprocess`."""

    listener: Listener
    postprocess_params: Mapping[str, Any] = field(default_factory=dict)


class Generation:
    """A pipeline that generates text, made to be heard. Thread-safe.

    Args:
        pipeline: as `transformers.pipeline` gives it; its hooks are replaced by ones that do the same.
    """

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._call: ContextVar[_Call | None] = ContextVar("_call", default=None)
        # Fast tokenizers fail when one thread tells them to cut texts while another is using them.
        self._tokenizer_lock = threading.Lock()
        hooks: Mapping[str, Callable[..., Any]] = {
            "_sanitize_parameters": self._sanitize_parameters,
            "preprocess": self._with_tokenizer,
            "_forward": self._forward,
            "postprocess": self._with_tokenizer,
        }
        for name, hook in hooks.items():
            setattr(pipeline, name, functools.partial(hook, getattr(pipeline, name)))

    @contextlib.contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Calls of the pipeline in this thread are heard by `listener`.

        Beams and several texts at once are not: they have no text so far.
        """
        token = self._call.set(_Call(listener))
        try:
            yield
        finally:
            self._call.reset(token)

    def _sanitize_parameters(self, own: Callable[..., Any], **kwargs: Any) -> Any:
        params = own(**kwargs)
        call = self._call.get()
        if call is not None:
            call.postprocess_params = self._pipeline._postprocess_params | params[2]
            if kwargs.get("return_tensors"):
                # For its tasks in OpenAI's form MLflow takes the tokens and decodes them by itself, like this.
                new_text = own(return_full_text=False, clean_up_tokenization_spaces=True)[2]
                call.postprocess_params = call.postprocess_params | new_text
        return params

    def _with_tokenizer(self, own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self._tokenizer_lock:
            return own(*args, **kwargs)

    def _forward(self, own: Callable[..., Any], model_inputs: Any, **generate_kwargs: Any) -> Any:
        call = self._call.get()
        if call is not None and self._has_one_text(generate_kwargs):
            generate_kwargs["streamer"] = _Streamer(call.listener, self._text_so_far(model_inputs, call))
        return own(model_inputs, **generate_kwargs)

    def _has_one_text(self, generate_kwargs: Mapping[str, Any]) -> bool:
        configs = (getattr(owner, "generation_config", None) for owner in (self._pipeline, self._pipeline.model))
        config = generate_kwargs.get("generation_config") or next(filter(None, configs), None)
        counts = ("num_beams", "num_return_sequences")
        return all((generate_kwargs.get(name, getattr(config, name, None)) or 1) == 1 for name in counts)

    def _text_so_far(self, model_inputs: Mapping[str, Any], call: _Call) -> Callable[[list[int]], str | None]:
        """What makes the text of the sequence of tokens so far; None where it cannot be told yet, or ever."""
        tokenizer = self._pipeline.tokenizer
        prompt = model_inputs.get("input_ids")
        known = {
            "input_ids": prompt.cpu() if prompt is not None and prompt.shape[-1] else None,
            "prompt_text": model_inputs.get("prompt_text"),
        }

        def text(sequence: list[int]) -> str | None:
            if _BYTE_TOKEN.fullmatch(str(tokenizer.convert_ids_to_tokens(sequence[-1]))):
                # Of a run of bytes all or none are readable.
                return None
            tokens = torch.tensor([[sequence]])
            outputs = known | {"generated_sequence": tokens, "output_ids": tokens}
            record = self._pipeline.postprocess(outputs, **call.postprocess_params)[0]
            texts = [value for key, value in record.items() if key.endswith("_text")]
            # A conversation is a list of messages.
            return texts[0] if texts and isinstance(texts[0], str) else None

        return text


class _Streamer(BaseStreamer):  # type: ignore[misc]
    """Gathers the tokens of one sequence and tells the text."""

    def __init__(self, listener: Listener, text_of: Callable[[list[int]], str | None]) -> None:
        self._listener = listener
        self._text_of = text_of
        self._sequence: list[int] = []
        self._next_look = 0.0

    def put(self, value: Any) -> None:
        """Takes the prompt first, then tokens."""
        self._listener.check()
        is_prompt = not self._sequence
        self._sequence += value.reshape(-1).tolist()
        start = time.perf_counter()
        if is_prompt or start < self._next_look:
            return
        text = self._text_of(self._sequence)
        end = time.perf_counter()
        self._next_look = end + _PAUSE * (end - start)
        if text is not None:
            self._listener.hear(_settled(text))

    def end(self) -> None:
        """The caller of the pipeline gets the whole text."""


def _settled(text: str) -> str:
    """The beginning of a text that stays as it is, whatever comes after it."""
    text = text.rstrip(_REPLACEMENT_CHARACTER)
    longest = max(map(len, _BEGUN))
    for start in range(max(0, len(text) - longest), len(text)):
        if text[start:] in _BEGUN:
            return text[:start]
    return text
