"""Stand-ins for torch and transformers, which the packages of these tests lack: just what a pipeline needs to be heard.

Import before `mlflow_backend.generation`.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class Tokenizer:
    """Tokens are bytes; the first one ends texts and is not shown."""

    def __init__(self, tokens: Sequence[bytes]) -> None:
        self._tokens = list(tokens)

    def encode(self, text: str) -> list[int]:
        """A token for each byte of the text, made where there is none."""
        cells = [bytes([byte]) for byte in text.encode()]
        self._tokens += [cell for cell in dict.fromkeys(cells) if cell not in self._tokens]
        return [self._tokens.index(cell) for cell in cells]

    def convert_ids_to_tokens(self, token: int) -> str:
        """A token's name."""
        cell = self._tokens[token]
        return f"<0x{cell[0]:02X}>" if len(cell) == 1 and cell[0] >= 0x80 else cell.decode(errors="replace")

    def decode(self, tokens: Sequence[int]) -> str:
        """Text, with a replacement character for what is none."""
        return b"".join(self._tokens[token] for token in tokens if token).decode("utf-8", "replace")


class TextGenerationPipeline:
    """Continues every text with the same tokens."""

    def __init__(self, *says: bytes) -> None:
        self.tokenizer = Tokenizer([b"<end>", *says])
        self.model = types.SimpleNamespace(generation_config=types.SimpleNamespace(num_beams=1))
        self.generated = 0
        self._postprocess_params: Mapping[str, Any] = {"full": True}
        self._says = range(1, 1 + len(says))

    def _sanitize_parameters(
        self,
        return_full_text: bool | None = None,
        return_tensors: bool | None = None,
        clean_up_tokenization_spaces: bool | None = None,
        **generate: Any,
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        postprocess = {} if return_full_text is None else {"full": return_full_text, "tensors": False}
        return {}, generate, postprocess | ({"tensors": True} if return_tensors else {})

    def preprocess(self, text: str) -> dict[str, Any]:
        return {"prompt_text": text, "input_ids": _Tensor([self.tokenizer.encode(text)])}

    def _forward(self, inputs: Mapping[str, Any], streamer: Any = None, **_: Any) -> dict[str, Any]:
        sequence = list(inputs["input_ids"][0])
        if streamer is not None:
            streamer.put(inputs["input_ids"])
        for token in self._says:
            self.generated += 1
            sequence.append(token)
            if streamer is not None:
                streamer.put(np.array([token]))
        if streamer is not None:
            streamer.end()
        return {**inputs, "generated_sequence": [[sequence]]}

    def postprocess(self, outputs: Mapping[str, Any], full: bool = True, tensors: bool = False) -> list[dict[str, Any]]:
        sequence = [int(token) for token in outputs["generated_sequence"][0][0]]
        if tensors:
            return [{"generated_token_ids": sequence}]
        said = self.tokenizer.decode(sequence[outputs["input_ids"].shape[-1] :])
        return [{"generated_text": outputs["prompt_text"] + said if full else said}]

    def __call__(self, texts: Sequence[str], **kwargs: Any) -> list[Any]:
        preprocess, forward, postprocess = self._sanitize_parameters(**kwargs)
        postprocess = {**self._postprocess_params, **postprocess}
        outputs = [self._forward(self.preprocess(text, **preprocess), **forward) for text in texts]
        return [self.postprocess(output, **postprocess) for output in outputs]


class _Tensor(np.ndarray[Any, np.dtype[Any]]):
    def __new__(cls, values: Any) -> _Tensor:
        return np.asarray(values).view(cls)

    def cpu(self) -> _Tensor:
        return self


def _module(name: str, **contents: Any) -> None:
    module = types.ModuleType(name)
    vars(module).update(contents)
    sys.modules[name] = module


_module("torch", tensor=_Tensor)
_module("transformers.generation", BaseStreamer=object)
_module(
    "transformers", TextGenerationPipeline=TextGenerationPipeline, generation=sys.modules["transformers.generation"]
)
