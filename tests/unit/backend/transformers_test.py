"""Streams of the transformers flavor: MLflow's answer, in pieces."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import mlflow.pyfunc
import numpy as np
from absl.testing import absltest

from tests.unit.backend import pipelines  # isort: skip

from mlflow_backend import metadata, schema
from mlflow_backend.adapters import transformers
from mlflow_backend.errors import CancelledError, OutputError, RequestError
from mlflow_backend.requests import DecodedRequest


class _Model:
    """Makes of a pipeline's text what MLflow makes of it."""

    metadata = types.SimpleNamespace(signature=None)

    def __init__(self, pipeline: Any, task: str | None = None, **model_config: Any) -> None:
        self.model_config = model_config
        self.asked: list[Any] = []
        self._pipeline = pipeline
        self._task = task

    def get_raw_model(self) -> Any:
        return self._pipeline

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        self.asked.append(data)
        generate = {**self.model_config, **(params or {})}
        collapse = generate.pop("collapse_whitespace", False)
        texts = data.iloc[:, 0].tolist()
        outputs = self._pipeline(texts, **generate, **({"return_tensors": True} if self._task else {}))
        if not self._task:
            text = outputs[0][0]["generated_text"]
            return [(re.sub(r"\s+", " ", text) if collapse else text).strip()]
        prompt = len(self._pipeline.tokenizer.encode(texts[0]))
        text = self._pipeline.tokenizer.decode(outputs[0][0]["generated_token_ids"][prompt:]).lstrip()
        choice = {"message": {"role": "assistant", "content": text}} if "chat" in self._task else {"text": text}
        return [{"choices": [choice | {"finish_reason": "length"}], "usage": {"total_tokens": 7}}]


class _Receiver:
    """Notes the pieces; wants no more than `most` of them."""

    def __init__(self, most: int = 1000) -> None:
        self.pieces: list[Any] = []
        self._most = most

    def check(self) -> None:
        if len(self.pieces) >= self._most:
            raise CancelledError("the request was cancelled.")

    def send(self, piece: Any) -> None:
        self.check()
        self.pieces.append(piece)


def _request(*texts: str, **inputs: Any) -> DecodedRequest:
    return DecodedRequest({"text": np.array(texts, dtype=object), **inputs}, len(texts), {})


class TransformersTest(absltest.TestCase):
    def _adapter(
        self, model: _Model, task: str | None = None, loader: str = "mlflow.transformers"
    ) -> transformers.Adapter:
        inputs = ({"type": "string", "name": "text"}, {"type": "boolean", "name": "stream", "required": False})
        model_schema = schema.build(metadata.Signature(inputs, ({"type": "string"},), None))
        flavors = {"python_function": {"loader_module": loader}, "transformers": {"inference_task": task}}
        facts = metadata.ModelMetadata(Path("model"), flavors, None, None, "", from_type_hints=False)
        with mock.patch.object(mlflow.pyfunc, "load_model", return_value=model):
            return transformers.Adapter(facts, model_schema)

    def _stream(self, *says: bytes, text: str = "Hi", task: str | None = None, **model_config: Any) -> list[Any]:
        model = _Model(pipelines.TextGenerationPipeline(*says), task, **model_config)
        request = _request(text)
        adapter, receiver = self._adapter(model, task), _Receiver()
        self.assertTrue(adapter.streamable)
        adapter.stream(request, receiver)
        if not task:
            self.assertEqual(["".join(receiver.pieces)], adapter.predict(request))
        return receiver.pieces

    def test_text(self) -> None:
        self.assertEqual("".join(self._stream(b" there", b",", b" you", text=" Hi\n")), "Hi\n there, you")
        self.assertEqual(self._stream(b" there", b"\n\n "), ["Hi there"])
        self.assertEqual(
            "".join(self._stream(b" all", b" \n the", b" end ", collapse_whitespace=True)), "Hi all the end"
        )

    def test_what_was_held_back_comes_at_the_end(self) -> None:
        self.assertEqual(self._stream(b" a", b"\xf0\x9f")[-1], "\ufffd")

    def test_an_empty_text_is_one_piece(self) -> None:
        self.assertEqual(self._stream(b" ", return_full_text=False), [""])

    def test_chat_chunks(self) -> None:
        pieces = self._stream(b" Hello", b" you", task="llm/v1/chat")
        deltas = [piece["choices"][0]["delta"] for piece in pieces]
        self.assertEqual(deltas[0]["role"], "assistant")
        self.assertEqual("".join(delta.get("content", "") for delta in deltas), "Hello you")
        self.assertTrue(all("role" not in delta for delta in deltas[1:]))
        self.assertLen({piece["id"] for piece in pieces}, 1)
        self.assertEqual({piece["object"] for piece in pieces}, {"chat.completion.chunk"})
        self.assertIsNone(pieces[0]["choices"][0]["finish_reason"])
        self.assertEqual(pieces[-1]["choices"][0]["finish_reason"], "length")
        self.assertEqual([piece["usage"] for piece in pieces if "usage" in piece], [{"total_tokens": 7}])
        json.dumps(pieces)

    def test_completion_chunks(self) -> None:
        pieces = self._stream(b" Hello", b" you", task="llm/v1/completions")
        self.assertEqual("".join(piece["choices"][0]["text"] for piece in pieces), "Hello you")
        self.assertEqual({piece["object"] for piece in pieces}, {"text_completion"})

    def test_stream_is_no_parameter_of_the_model(self) -> None:
        for task, columns in (("llm/v1/chat", ["text"]), (None, ["text", "stream"])):
            model = _Model(pipelines.TextGenerationPipeline(b"x"), task)
            self._adapter(model, task).predict(_request("Hi", stream=np.array([False])))
            self.assertEqual(list(model.asked[0].columns), columns)

    def test_one_row(self) -> None:
        adapter = self._adapter(_Model(pipelines.TextGenerationPipeline(b"x")))
        with self.assertRaisesRegex(RequestError, "has 2 rows, but one text is streamed at a time; send a request for"):
            adapter.stream(_request("a", "b"), _Receiver())

    def test_cancellation_ends_the_generation(self) -> None:
        pipeline = pipelines.TextGenerationPipeline(*[b"x"] * 100)
        receiver = _Receiver(most=1)
        with self.assertRaises(CancelledError):
            self._adapter(_Model(pipeline)).stream(_request("Hi"), receiver)
        self.assertLess(pipeline.generated, 4)

    def test_an_answer_that_does_not_begin_with_the_pieces(self) -> None:
        model = _Model(pipelines.TextGenerationPipeline(b"x"))
        model.predict = lambda data, params=None: model.get_raw_model()(["Hi"]) and ["other"]  # type: ignore[method-assign]
        with self.assertRaisesRegex(OutputError, "are not the beginning of the model's answer.*'stream' as false"):
            self._adapter(model).stream(_request("Hi"), _Receiver())

    def test_models_that_do_not_stream(self) -> None:
        self.assertFalse(self._adapter(_Model(object())).streamable)
        pipeline = pipelines.TextGenerationPipeline(b"x")
        self.assertFalse(self._adapter(_Model(pipeline), loader="mlflow.pyfunc.model").streamable)


if __name__ == "__main__":
    absltest.main()
