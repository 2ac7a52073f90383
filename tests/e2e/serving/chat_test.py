"""MLflow's chat interfaces on a real server, with answers in pieces. Whole answers: tests/parity."""

from __future__ import annotations

import json
import queue
import urllib.request
from typing import Any

import numpy as np
import tritonclient.grpc as grpcclient
from absl.testing import absltest

from mlflow_backend_utils.config.writer import ConfigOptions
from tests.e2e import served_model

_PATIENCE = 60.0
_MODELS = ("chat_model", "chat_agent", "responses_agent")


def _said(content: str) -> str:
    return json.dumps([{"role": "user", "content": content}])


class ChatTest(served_model.ServedModelsTest):
    options = {name: ConfigOptions(streaming=True) for name in _MODELS}

    def _pieces(self, model: str, output: str, **texts: str) -> list[Any]:
        """The documents of `output`, piece by piece.

        Raises:
          InferenceServerException: the answer ended with an error.
        """
        answers: queue.Queue[Any] = queue.Queue()
        client = grpcclient.InferenceServerClient(self.server.grpc_url)
        self.addCleanup(client.close)
        client.start_stream(lambda result, error: answers.put((result, error)))
        self.addCleanup(client.stop_stream)
        tensors = []
        for name, text in texts.items():
            tensors.append(grpcclient.InferInput(name, [1, 1], "BYTES"))
            tensors[-1].set_data_from_numpy(np.array([[text.encode()]], np.object_))
        client.async_stream_infer(model, tensors, enable_empty_final_response=True)
        pieces = []
        while True:
            result, error = answers.get(timeout=_PATIENCE)
            if error is not None:
                raise error
            values = result.as_numpy(output)
            if values is None or not values.size:
                return pieces
            pieces.append(json.loads(values.item()))

    def _post(self, path: str, body: dict[str, Any]) -> str:
        url = f"http://{self.server.http_url}/v2/models/{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return str(answer.read().decode())

    def test_chat_model(self) -> None:
        pieces = self._pieces("chat_model", "choices", messages=_said("one zwölf"))
        self.assertEqual([piece[0]["delta"]["content"] for piece in pieces], ["one", "zwölf"])

    def test_chat_agent(self) -> None:
        pieces = self._pieces("chat_agent", "messages", messages=_said("one zwölf"))
        self.assertEqual([[message["content"] for message in piece] for piece in pieces], [["one"], ["zwölf"]])

    def test_responses_agent(self) -> None:
        events = self._pieces("responses_agent", "output-0", input=_said("one zwölf"))
        self.assertEqual([event["delta"] for event in events], ["one", "zwölf"])
        self.assertEqual({event["type"] for event in events}, {"response.output_text.delta"})

    def test_error_in_the_middle(self) -> None:
        with self.assertRaisesRegex(Exception, "predict failed: ValueError: no further"):
            self._pieces("chat_agent", "messages", messages=_said("one stop"))

    def test_not_a_conversation(self) -> None:
        with self.assertRaisesRegex(Exception, "row 0 is not valid JSON for array"):
            self._pieces("chat_agent", "messages", messages="hello")

    def test_generate_stream(self) -> None:
        events = self._post("chat_agent/generate_stream", {"messages": _said("a b")}).split("\n\n")
        pieces = [json.loads(event.removeprefix("data: ")) for event in events if event.startswith("data: ")]
        words = [json.loads(piece["messages"])[0]["content"] for piece in pieces if "messages" in piece]
        self.assertEqual(words, ["a", "b"])

    def test_generate(self) -> None:
        answer = json.loads(self._post("chat_agent/generate", {"messages": _said("a b"), "stream": False}))
        self.assertEqual(json.loads(answer["messages"])[0]["content"], "a b")


if __name__ == "__main__":
    absltest.main()
