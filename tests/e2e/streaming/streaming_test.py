"""A model with `predict_stream` on a real server: gRPC streams, `/generate_stream`, `/generate`, the end, metrics."""

from __future__ import annotations

import json
import queue
import re
import time
import urllib.error
import urllib.request
from typing import Any

import numpy as np
import tritonclient.grpc as grpcclient
from absl.testing import absltest

from mlflow_backend_utils.server import TritonServer
from tests.e2e import served_model

_PATIENCE = 60.0


class Stream:
    """One request over a gRPC stream; iterates over the words."""

    def __init__(self, server: TritonServer, text: str, request_id: str = "", **parameters: Any):
        self._answers: queue.Queue[Any] = queue.Queue()
        self.client = grpcclient.InferenceServerClient(server.grpc_url)
        self.client.start_stream(lambda result, error: self._answers.put((result, error)))
        tensor = grpcclient.InferInput("text", [1, 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[text.encode()]], np.object_))
        self.client.async_stream_infer(
            "words",
            [tensor],
            request_id=request_id,
            parameters={"params": json.dumps(parameters)} if parameters else None,
            enable_empty_final_response=True,
        )

    def next(self) -> str | None:
        """The next word; None: there are no more.

        Raises:
          InferenceServerException: the answer ended with an error.
        """
        result, error = self._answers.get(timeout=_PATIENCE)
        if error is not None:
            raise error
        words = result.as_numpy("word")
        return None if words is None or not words.size else words.ravel()[0].decode()

    def close(self, cancel: bool = False) -> None:
        """Ends the connection."""
        self.client.stop_stream(cancel_requests=cancel)
        self.client.close()


class StreamingTest(served_model.ServedModelTest):
    def _words(self, text: str, **parameters: Any) -> list[str]:
        stream = Stream(self.server, text, **parameters)
        self.addCleanup(stream.close)
        return list(iter(stream.next, None))

    def _post(self, path: str, body: dict[str, Any]) -> str:
        request = urllib.request.Request(
            f"http://{self.server.http_url}/v2/models/words/{path}", json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return str(answer.read().decode())

    def _metric(self, name: str) -> float:
        with urllib.request.urlopen(f"http://{self.server.metrics_url}/metrics", timeout=_PATIENCE) as answer:
            text = answer.read().decode()
        found = re.search(rf'^{name}{{[^}}]*model="words"[^}}]*}} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else -1.0

    def _wait_for_metric(self, name: str, least: float) -> None:
        end = time.monotonic() + _PATIENCE
        while self._metric(name) < least:
            self.assertLess(time.monotonic(), end, name)
            time.sleep(0.1)

    def test_word_by_word(self) -> None:
        self.assertEqual(self._words("one zwölf three"), ["one", "zwölf", "three"])
        self.assertEqual(self._words(""), [])

    def test_words_come_when_they_are_said(self) -> None:
        stream = Stream(self.server, "a b c d e", seconds=0.3)
        self.addCleanup(stream.close)
        stream.next()
        first = time.monotonic()
        self.assertEqual(list(iter(stream.next, None)), ["b", "c", "d", "e"])
        # Four of them were not there yet.
        self.assertGreater(time.monotonic() - first, 0.9)

    def test_several_at_once(self) -> None:
        endless = Stream(self.server, "again", endless=True, seconds=0.01)
        self.assertEqual(endless.next(), "again")
        self.assertEqual(self._words("b c"), ["b", "c"])
        endless.close(cancel=True)

    def test_error_in_the_middle(self) -> None:
        stream = Stream(self.server, "a stop b")
        self.addCleanup(stream.close)
        self.assertEqual(stream.next(), "a")
        with self.assertRaisesRegex(Exception, "predict failed: ValueError: no further"):
            stream.next()

    def test_cancellation_ends_the_model(self) -> None:
        stream = Stream(self.server, "on and", endless=True, seconds=0.01)
        self.assertEqual([stream.next() for _ in range(3)], ["on", "and", "on"])
        stream.close(cancel=True)
        end = time.monotonic() + _PATIENCE
        before = -1.0
        # It is told what was said once a second.
        while (now := self._metric("mlflow_stream_pieces_total")) != before:
            self.assertLess(time.monotonic(), end, "the model goes on")
            before = now
            time.sleep(2.5)
        self.assertGreater(before, 2)

    def test_server_sent_events(self) -> None:
        events = self._post("generate_stream", {"text": "a b"}).split("\n\n")
        pieces = [json.loads(event.removeprefix("data: ")) for event in events if event.startswith("data: ")]
        self.assertEqual([piece["word"] for piece in pieces if "word" in piece], ["a", "b"])

    def test_generate(self) -> None:
        self.assertEqual(json.loads(self._post("generate", {"text": "a b", "stream": False}))["word"], "A B")

    def test_requests_are_logged(self) -> None:
        self._words("so be it", request_id="the good one")
        with self.assertRaisesRegex(Exception, "no further"):
            self._words("a stop b", request_id="the bad one")
        lines = served_model.request_log(self.server.log_text())
        logged = {line["request_id"]: line for line in lines}
        good, bad = logged["the good one"], logged["the bad one"]
        self.assertEqual((good["model"], good["version"], good["status"]), ("words", "1", "OK"))
        self.assertEqual(bad["status"], "INVALID_ARG")
        self.assertIn("no further", bad["error"])
        self.assertGreater(good["seconds"], 0)

    def test_bad_requests(self) -> None:
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self._post("generate", {"text": "a", "stream": 3})
        self.assertIn("request parameter 'stream' is 3; send true or false.", caught.exception.read().decode())

    def test_metrics(self) -> None:
        self.assertEqual(self._words("a b c"), ["a", "b", "c"])
        self._post("generate", {"text": "a", "stream": False})
        self._wait_for_metric("mlflow_stream_pieces_total", 3)
        self._wait_for_metric("mlflow_predict_calls_total", 1)
        self._wait_for_metric("mlflow_predict_rows_total", 1)


if __name__ == "__main__":
    absltest.main()
