"""A language model of the transformers flavor on a real server: its text comes as it is generated."""

from __future__ import annotations

import json
import time
import urllib.error
from typing import Any

import numpy as np
import tritonclient.grpc as grpcclient
from absl.testing import absltest, parameterized

from tests.e2e import served_model
from tests.e2e.served_model import Stream

# Longer than anybody waits for.
_ENDLESS = 4000


class GenerationTest(served_model.ServedModelTest, parameterized.TestCase):
    def _stream(self, text: str, **parameters: Any) -> Stream:
        return Stream(self.server, self.model, {"text": text}, "story", **parameters)

    def _pieces(self, text: str, **parameters: Any) -> list[str]:
        stream = self._stream(text, **parameters)
        self.addCleanup(stream.close)
        return list(iter(stream.next, None))

    def _whole(self, text: str, **parameters: Any) -> str:
        """What MLflow's own pyfunc answers."""
        answer = json.loads(self.post("generate", {"text": text, "stream": False, **parameters}))
        return str(answer["story"])

    @parameterized.parameters("The server", "Don't wait", "naïve 北京 😀", "two\n lines ", "x")
    def test_pieces_are_the_whole_answer(self, text: str) -> None:
        whole = self._whole(text, max_new_tokens=40)
        pieces = self._pieces(text, max_new_tokens=40)
        self.assertEqual("".join(pieces), whole)
        self.assertStartsWith(whole, text.strip())
        self.assertGreater(len(pieces), 5)

    def test_parameters(self) -> None:
        self.assertEqual(
            "".join(self._pieces("The server", max_new_tokens=3)), self._whole("The server", max_new_tokens=3)
        )
        self.assertStartsWith(self._whole("The server", max_new_tokens=30), self._whole("The server", max_new_tokens=3))
        hot = {"max_new_tokens": 40, "do_sample": True, "temperature": 5.0}
        self.assertLen({"".join(self._pieces("The server", **hot)) for _ in range(3)}, 3)

    def test_server_sent_events(self) -> None:
        events = self.post("generate_stream", {"text": "The server", "max_new_tokens": 20}).split("\n\n")
        pieces = [json.loads(event.removeprefix("data: ")) for event in events if event.startswith("data: ")]
        text = "".join(piece["story"] for piece in pieces if "story" in piece)
        self.assertEqual(text, self._whole("The server", max_new_tokens=20))

    def test_several_at_once(self) -> None:
        texts = ["The server", "Don't wait", "word by word", "Über"]
        wholes = [self._whole(text, max_new_tokens=60) for text in texts]
        streams = [self._stream(text, max_new_tokens=60) for text in texts]
        for stream in streams:
            self.addCleanup(stream.close)
        self.assertEqual(["".join(iter(stream.next, None)) for stream in streams], wholes)

    def test_cancellation_ends_the_generation(self) -> None:
        start = time.monotonic()
        stream = self._stream("The server", max_new_tokens=40)
        whole = "".join(iter(stream.next, None))
        seconds = time.monotonic() - start
        stream.close()
        before = self.settled_metric("mlflow_stream_pieces_total")
        stream = self._stream("The server", max_new_tokens=_ENDLESS)
        self.assertStartsWith(whole, "".join(str(stream.next()) for _ in range(3)))
        stream.close(cancel=True)
        # To generate all of it would have taken this many pieces, and at least a hundred times as long.
        self.assertLess(self.settled_metric("mlflow_stream_pieces_total") - before, _ENDLESS / 8)
        self.assertLess(seconds, 30)

    @parameterized.parameters(
        ({"params": json.dumps({"max_new_tokens": "many"})}, "predict failed: MlflowException: .*max_new_tokens"),
        ({"max_new_tokens": -1}, "predict failed: ValueError: .*max_new_tokens"),
        ({"do_sample": True, "temperature": -1.0}, "predict failed: ValueError: .*temperature"),
        ({"stream": 3}, "request parameter 'stream' is 3; send true or false."),
    )
    def test_bad_parameters(self, parameters: dict[str, Any], message: str) -> None:
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.post("generate", {"text": "The server"} | parameters)
        self.assertEqual(caught.exception.code, 400)
        self.assertRegex(caught.exception.read().decode(), message)

    def test_one_text_a_request(self) -> None:
        stream = self._stream("ignored", max_new_tokens=1)
        self.addCleanup(stream.close)
        self.assertIsNotNone(stream.next())
        self.assertIsNone(stream.next())
        texts = grpcclient.InferInput("text", [2, 1], "BYTES")
        texts.set_data_from_numpy(np.array([[b"a"], [b"b"]], np.object_))
        stream.client.async_stream_infer(self.model, [texts])
        with self.assertRaisesRegex(Exception, "the request has 2 rows, but one text is streamed at a time"):
            stream.next()


if __name__ == "__main__":
    absltest.main()
