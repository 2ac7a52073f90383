"""A model with `predict_stream` on a real server: gRPC streams, `/generate_stream`, `/generate`, the end, metrics."""

from __future__ import annotations

import json
import time
import urllib.error
from typing import Any

from absl.testing import absltest

from tests.e2e import served_model
from tests.e2e.served_model import Stream


class StreamingTest(served_model.ServedModelTest):
    def _stream(self, text: str, request_id: str = "", **parameters: Any) -> Stream:
        return Stream(self.server, self.model, {"text": text}, "word", request_id, **parameters)

    def _words(self, text: str, request_id: str = "", **parameters: Any) -> list[str]:
        stream = self._stream(text, request_id, **parameters)
        self.addCleanup(stream.close)
        return list(iter(stream.next, None))

    def test_word_by_word(self) -> None:
        self.assertEqual(self._words("one zwölf three"), ["one", "zwölf", "three"])
        self.assertEqual(self._words(""), [])

    def test_words_come_when_they_are_said(self) -> None:
        stream = self._stream("a b c d e", seconds=0.3)
        self.addCleanup(stream.close)
        stream.next()
        first = time.monotonic()
        self.assertEqual(list(iter(stream.next, None)), ["b", "c", "d", "e"])
        # Four of them were not there yet.
        self.assertGreater(time.monotonic() - first, 0.9)

    def test_several_at_once(self) -> None:
        endless = self._stream("again", endless=True, seconds=0.01)
        self.assertEqual(endless.next(), "again")
        self.assertEqual(self._words("b c"), ["b", "c"])
        endless.close(cancel=True)

    def test_error_in_the_middle(self) -> None:
        stream = self._stream("a stop b")
        self.addCleanup(stream.close)
        self.assertEqual(stream.next(), "a")
        with self.assertRaisesRegex(Exception, "predict failed: ValueError: no further"):
            stream.next()

    def test_cancellation_ends_the_model(self) -> None:
        stream = self._stream("on and", endless=True, seconds=0.01)
        self.assertEqual([stream.next() for _ in range(3)], ["on", "and", "on"])
        stream.close(cancel=True)
        self.assertGreater(self.settled_metric("mlflow_stream_pieces_total"), 2)

    def test_server_sent_events(self) -> None:
        events = self.post("generate_stream", {"text": "a b"}).split("\n\n")
        pieces = [json.loads(event.removeprefix("data: ")) for event in events if event.startswith("data: ")]
        self.assertEqual([piece["word"] for piece in pieces if "word" in piece], ["a", "b"])

    def test_generate(self) -> None:
        self.assertEqual(json.loads(self.post("generate", {"text": "a b", "stream": False}))["word"], "A B")

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
            self.post("generate", {"text": "a", "stream": 3})
        self.assertIn("request parameter 'stream' is 3; send true or false.", caught.exception.read().decode())

    def test_metrics(self) -> None:
        self.assertEqual(self._words("a b c"), ["a", "b", "c"])
        self.post("generate", {"text": "a", "stream": False})
        self.wait_for_metric("mlflow_stream_pieces_total", 3)
        self.wait_for_metric("mlflow_predict_calls_total", 1)
        self.wait_for_metric("mlflow_predict_rows_total", 1)


if __name__ == "__main__":
    absltest.main()
