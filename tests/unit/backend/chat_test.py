"""MLflow's chat interfaces through the whole backend, without a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from absl.testing import absltest, parameterized
from mlflow.pyfunc import ChatAgent
from mlflow.types.agent import ChatAgentChunk, ChatAgentMessage, ChatAgentResponse

from mlflow_backend import chat, service
from mlflow_backend.errors import BackendError
from tests.unit.backend import models

_HELLO = json.dumps([{"role": "user", "content": "Hello!"}])


class Parrot(ChatAgent):  # type: ignore[misc]
    """Says how often it was asked, and in pieces what it was told."""

    asked = 0

    def predict(self, messages: Any, context: Any = None, custom_inputs: Any = None) -> ChatAgentResponse:
        self.asked += 1
        answer = ChatAgentMessage(id="1", role="assistant", content=f"{self.asked}: {messages[-1].content}")
        return ChatAgentResponse(messages=[answer], custom_outputs=custom_inputs)

    def predict_stream(self, messages: Any, context: Any = None, custom_inputs: Any = None) -> Iterator[ChatAgentChunk]:
        for letter in messages[-1].content:
            yield ChatAgentChunk(delta=ChatAgentMessage(id="1", role="assistant", content=letter))


class ChatTest(parameterized.TestCase):
    def _load(self, **config: Any) -> service.Service:
        folder = Path(self.create_tempdir().full_path) / "model"
        return service.Service.load(models.save_python_model(folder, Parrot(), None), config)

    def _ok(self, result: Any) -> dict[str, Any]:
        self.assertIsInstance(result, dict, result)
        return {name: json.loads(array.item()) for name, array in result.items()}

    def test_one_document_a_column(self) -> None:
        told = models.texts('{"depth": [1, null]}')
        answer = self._ok(
            models.answer(self._load(max_batch_size=1), messages=models.texts(_HELLO), custom_inputs=told)
        )
        (message,) = answer["messages"]
        self.assertEndsWith(message["content"], ": Hello!")
        self.assertEqual(answer["custom_outputs"], {"depth": [1, None]})
        self.assertIsNone(answer["usage"])
        # Text has no missing value.
        self.assertNotIn("finish_reason", answer)

    @parameterized.parameters(0, 1)
    def test_each_request_is_asked_once(self, max_batch_size: int) -> None:
        model = self._load(max_batch_size=max_batch_size)
        requests = [service.Request({"messages": models.texts(_HELLO)}, {}) for _ in range(4)]
        answers = [self._ok(answer)["messages"][0]["content"] for answer in models.answer_all(model, requests)]
        first = int(answers[0].partition(":")[0])
        self.assertEqual(answers, [f"{first + number}: Hello!" for number in range(4)])

    def test_several_rows_are_refused(self) -> None:
        error = models.answer(self._load(), messages=models.texts(_HELLO, _HELLO))
        self.assertIsInstance(error, BackendError)
        self.assertEqual(error.code, "INVALID_ARG")
        self.assertEqual(str(error), "the request has 2 rows, and a chat model answers one; send one.")

    def test_a_delta_is_a_list_of_one_message(self) -> None:
        model = self._load(max_batch_size=1, model_transaction_policy={"decoupled": True})
        channel = models.Channel()
        model.stream(service.Request({"messages": models.texts(_HELLO)}, {}), channel)
        messages = [json.loads(piece["messages"][0][0]) for piece in channel.pieces]
        self.assertEqual("".join(message[0]["content"] for message in messages), "Hello!")

    def test_whole_answer_for_who_wants_no_stream(self) -> None:
        model = self._load(max_batch_size=1, model_transaction_policy={"decoupled": True})
        inputs = {"messages": models.texts(_HELLO), "stream": np.array([[False]])}
        channel = models.Channel()
        model.stream(service.Request(inputs, {}), channel)
        (whole,) = channel.pieces
        self.assertEndsWith(json.loads(whole["messages"][0][0])[0]["content"], ": Hello!")

    def test_the_delta_of_an_event_is_its_own(self) -> None:
        event = {"type": "response.output_text.delta", "delta": "word"}
        self.assertEqual(chat.piece(event), event)

    @parameterized.parameters(
        ("mlflow.pyfunc.loaders.chat_model", None, True),
        ("mlflow.pyfunc.loaders.code_model", "agent/v2/chat", True),
        ("mlflow.pyfunc.loaders.code_model", None, False),
        ("mlflow.pyfunc.model", "agent/v1/chat", False),
    )
    def test_what_chats(self, loader: str, task: str | None, chats: bool) -> None:
        self.assertEqual(chat.is_chat({"python_function": {"loader_module": loader}}, task), chats)


if __name__ == "__main__":
    absltest.main()
