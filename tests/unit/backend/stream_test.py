"""Real MLflow models that answer in pieces, without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from absl.testing import absltest, parameterized
from mlflow.models import ModelSignature
from mlflow.types.schema import Array as ArrayType
from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

from mlflow_backend import service
from mlflow_backend.errors import BackendError, CancelledError
from tests.unit.backend import models

_DECOUPLED = {"model_transaction_policy": {"decoupled": True}, "max_batch_size": 8}


def _words(data: Any, params: Any) -> Iterator[str]:
    # MLflow gives `predict` a DataFrame and `predict_stream` its only row as a dict.
    text = data["text"] if isinstance(data, dict) else data["text"].iloc[0]
    for word in text.split():
        yield (params or {}).get("prefix", "") + word


def _text_to(*outputs: ColSpec) -> ModelSignature:
    return ModelSignature(
        Schema([ColSpec("string", "text")]),
        Schema(list(outputs)),
        ParamSchema([ParamSpec("prefix", "string", "")]),
    )


class StreamTest(parameterized.TestCase):
    def _load(self, function: Callable[[Any, Any], Iterator[Any]], signature: ModelSignature) -> service.Service:
        folder = Path(self.create_tempdir().full_path) / "model"
        models.save_python_model(folder, models.Streaming(function), signature)
        return service.Service.load(folder, _DECOUPLED)

    def _pieces(self, model: service.Service, text: str, **parameters: Any) -> list[dict[str, Any]]:
        channel = models.Channel()
        model.stream(service.Request({"text": models.texts(text).reshape(1, 1)}, parameters), channel)
        return channel.pieces

    def test_texts(self) -> None:
        model = self._load(_words, _text_to(ColSpec("string")))
        self.assertEqual(self._pieces(model, "a bü"), [{"output-0": [[b"a"]]}, {"output-0": [["bü".encode()]]}])
        self.assertEqual(self._pieces(model, "a", prefix="-"), [{"output-0": [[b"-a"]]}])
        self.assertEqual(self._pieces(model, ""), [])

    def test_only_one_row(self) -> None:
        model = self._load(_words, _text_to(ColSpec("string")))
        with self.assertRaisesRegex(BackendError, "'predict_stream' requires single input") as caught:
            model.stream(service.Request({"text": models.texts("a", "b")}, {}), models.Channel())
        self.assertEqual(caught.exception.code, "INVALID_ARG")

    def test_whole_answer_when_asked_for(self) -> None:
        model = self._load(_words, _text_to(ColSpec("string")))
        for no in (False, "false"):
            self.assertEqual(self._pieces(model, "a", stream=no), [{"output-0": [[b"a"]]}])
        with self.assertRaisesRegex(BackendError, "request parameter 'stream' is 1; send true or false."):
            self._pieces(model, "a", stream=1)

    def test_mappings_with_some_of_the_outputs(self) -> None:
        def chunks(frame: Any, params: Any) -> Iterator[dict[str, Any]]:
            yield {"delta": "a"}
            yield {"delta": "b", "scores": [1.0, 2.0]}
            yield {"delta": None, "usage": 3, "unknown": 4}

        signature = _text_to(
            ColSpec("string", "delta"), ColSpec(ArrayType("double"), "scores"), ColSpec("long", "usage")
        )
        self.assertEqual(
            self._pieces(self._load(chunks, signature), "x"),
            [{"delta": [[b"a"]]}, {"delta": [[b"b"]], "scores": [[b"[1.0, 2.0]"]]}, {"usage": [[3]]}],
        )

    def test_arrays(self) -> None:
        def arrays(frame: Any, params: Any) -> Iterator[Any]:
            yield np.ones((1, 2))
            yield np.zeros((1, 2))

        signature = ModelSignature(
            Schema([ColSpec("string", "text")]), Schema([TensorSpec(np.dtype("float64"), (-1, 2))])
        )
        self.assertEqual(
            self._pieces(self._load(arrays, signature), "x"), [{"output-0": [[1.0, 1.0]]}, {"output-0": [[0.0, 0.0]]}]
        )

    def test_model_without_streams_gives_one_piece(self) -> None:
        folder = Path(self.create_tempdir().full_path) / "model"
        models.save(folder, lambda frame, params: frame["text"], _text_to(ColSpec("string")))
        self.assertEqual(self._pieces(service.Service.load(folder, _DECOUPLED), "a b"), [{"output-0": [[b"a b"]]}])

    def test_errors_before_and_after_pieces(self) -> None:
        def failing(frame: Any, params: Any) -> Iterator[str]:
            yield "a"
            raise ValueError("tired")

        model = self._load(failing, _text_to(ColSpec("string")))
        channel = models.Channel()
        with self.assertRaisesRegex(BackendError, "predict failed: ValueError: tired"):
            model.stream(service.Request({"text": models.texts("x")}, {}), channel)
        self.assertEqual(channel.pieces, [{"output-0": [[b"a"]]}])
        with self.assertRaisesRegex(BackendError, "input 'nonsense' is unknown") as caught:
            model.stream(service.Request({"nonsense": models.texts("x")}, {}), channel)
        self.assertEqual(caught.exception.code, "INVALID_ARG")

    def test_cancellation_ends_the_model(self) -> None:
        # The model is saved and loaded again, so it cannot tell otherwise.
        note = Path(self.create_tempdir().full_path) / "note"

        def endless(frame: Any, params: Any) -> Iterator[str]:
            try:
                while True:
                    yield "a"
            finally:
                note.write_text("ended")

        model = self._load(endless, _text_to(ColSpec("string")))
        channel = models.Channel(most=3)
        with self.assertRaisesRegex(CancelledError, "the request was cancelled"):
            model.stream(service.Request({"text": models.texts("x")}, {}), channel)
        self.assertLen(channel.pieces, 3)
        self.assertEqual(note.read_text(), "ended")

    def test_the_input_of_chat_models_says_whether_to_stream(self) -> None:
        signature = ModelSignature(
            Schema([ColSpec("string", "text"), ColSpec("boolean", "stream", required=False)]),
            Schema([ColSpec("string")]),
        )
        # As many words as rows: whole answers have a row for each.
        model = self._load(lambda data, params: iter(["streamed" if isinstance(data, dict) else "whole"]), signature)
        for stream, word in ((True, b"streamed"), (False, b"whole"), (None, b"streamed")):
            tensors = {"text": models.texts("a")} | ({} if stream is None else {"stream": np.array([stream])})
            channel = models.Channel()
            model.stream(service.Request(tensors, {"stream": "true"}), channel)
            self.assertEqual(channel.pieces, [{"output-0": [[word]]}])


if __name__ == "__main__":
    absltest.main()
