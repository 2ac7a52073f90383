"""Answers that take their time: in pieces, as server-sent events, or not at all.

A model of texts, chat models as clients of OpenAI's API ask them, and one that is slower than requests may be.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from absl.testing import absltest

from mlflow_backend_utils.repository.layout import copy_folder
from tests.integration.gateway import running
from tests.runfiles import runfiles

_CHAT = ("chat_agent", "chat_model", "responses_agent")
_MESSAGES = {"messages": [{"role": "user", "content": "one two three"}]}
_EVENTS = "text/event-stream"


class EventsTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.scratch = Path(os.environ["TEST_TMPDIR"])
        models = cls.scratch / "models"
        running.repository(models, _CHAT, streaming=True)
        running.repository(models, ["slow"])
        words = models / "words"
        copy_folder(str(runfiles.path("WORDS")), str(words), keep_executable=True)
        cls.server = cls.enterClassContext(running.triton(models))
        cls.port, _ = cls.enterClassContext(
            running.gateway(cls.server.grpc_url, cls.scratch, "--model", "words", http_url=cls.server.http_url)
        )

    def setUp(self) -> None:
        super().setUp()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.addCleanup(self.connection.close)

    def _ask(self, document: Any, path: str = "/invocations", accept: str = _EVENTS) -> http.client.HTTPResponse:
        headers = {"Content-Type": "application/json", "Accept": accept}
        self.connection.request("POST", path, json.dumps(document), headers)
        return self.connection.getresponse()

    def _events(self, answer: http.client.HTTPResponse) -> Iterator[str]:
        self.assertEqual(answer.status, 200)
        self.assertStartsWith(answer.getheader("content-type"), _EVENTS)
        while line := answer.readline():
            if line.strip():
                self.assertStartsWith(line.decode(), "data: ")
                yield line.decode().removeprefix("data: ").strip()

    def _pieces(self, document: Any, path: str = "/invocations", accept: str = _EVENTS) -> list[Any]:
        *pieces, last = self._events(self._ask(document, path, accept))
        self.assertEqual(last, "[DONE]")
        return list(map(json.loads, pieces))

    def test_words(self) -> None:
        wanted = [{"predictions": [{"word": word}]} for word in ("so", "many", "words")]
        for document in (
            {"dataframe_split": {"columns": ["text"], "data": [["so many words"]]}},
            {"dataframe_records": [{"text": "so many words"}]},
            {"inputs": {"text": ["so many words"]}, "params": {"seconds": 0.0}},
        ):
            self.assertEqual(self._pieces(document), wanted, document)

    def test_pieces_come_when_they_are_there(self) -> None:
        document = {"dataframe_records": [{"text": "a b c d"}], "params": {"seconds": 0.5}}
        events = self._events(self._ask(document))
        start = time.monotonic()
        next(events)
        first = time.monotonic() - start
        self.assertLen(list(events), 4)
        self.assertGreater(time.monotonic() - start, first + 1)

    def test_all_pieces_at_once(self) -> None:
        answer = self._ask({"dataframe_records": [{"text": "so many"}]}, accept="*/*")
        self.assertEqual(answer.getheader("content-type"), "application/json")
        self.assertEqual(json.loads(answer.read()), {"predictions": [[{"word": "so"}], [{"word": "many"}]]})

    def test_an_error_on_the_way(self) -> None:
        *pieces, error = map(json.loads, self._events(self._ask({"dataframe_records": [{"text": "one stop two"}]})))
        self.assertEqual(pieces, [{"predictions": [{"word": "one"}]}])
        self.assertEqual(error["error_code"], "BAD_REQUEST")
        self.assertIn("ValueError: no further", error["message"])

    def test_wrong_requests(self) -> None:
        for document, words in (
            ({"dataframe_records": [{"other": 1}]}, "input 'text' is missing"),
            ([1], "must be a JSON object"),
            ({"dataframe_split": {"columns": 1, "data": 1}}, "dataframe_split"),
            ({"inputs": 5}, "input"),
            ({"inputs": {"text": ["x"]}, "params": [1]}, "params must be"),
        ):
            answer = self._ask(document)
            told = json.loads(answer.read())
            self.assertEqual((answer.status, told["error_code"]), (400, "BAD_REQUEST"), document)
            self.assertIn(words, told["message"])

    def test_a_client_that_goes_away_stops_the_model(self) -> None:
        document = {"dataframe_records": [{"text": "on and on"}], "params": {"endless": True, "seconds": 0.01}}
        events = self._events(self._ask(document))
        for _ in range(3):
            next(events)
        self.connection.close()
        # One instance: it answers again only when the endless text was stopped.
        self.connection.connect()
        self.assertLen(self._pieces({"dataframe_records": [{"text": "so many words"}]}), 3)

    def test_time_is_up(self) -> None:
        """504, as MLflow's server; afterwards the model is asked as before."""
        folder = self.scratch / "models" / "slow" / "1"
        slow = json.dumps({"dataframe_records": [{"seconds": 3.0}]}).encode()
        quick = json.dumps({"dataframe_records": [{"seconds": 0.0}]}).encode()
        environment = runfiles.path("SCORING_ENVIRONMENT").resolve()
        with (
            running.mlflow_server(folder, environment, self.scratch, timeout=1) as port,
            running.gateway(self.server.grpc_url, self.scratch, "--model", "slow", "--timeout", "1") as (gateway, _),
        ):
            for body, status in ((slow, 504), (quick, 200)):
                ours, theirs = (
                    running.ask(where, "/invocations", body, "application/json") for where in (gateway, port)
                )
                self.assertEqual((ours.status, ours), (status, theirs))
                time.sleep(3)  # the model is at it still

    def test_chat_model(self) -> None:
        for pieces in (
            self._pieces(_MESSAGES, "/models/chat_model/invocations"),
            self._pieces({**_MESSAGES, "stream": True}, "/models/chat_model/invocations", "*/*"),
        ):
            self.assertEqual([piece["choices"][0]["delta"]["content"] for piece in pieces], ["one", "two", "three"])
            self.assertEqual({piece["object"] for piece in pieces}, {"chat.completion.chunk"})

    def test_chat_agent(self) -> None:
        pieces = self._pieces({**_MESSAGES, "stream": True}, "/models/chat_agent/invocations", "*/*")
        self.assertEqual([piece["delta"]["content"] for piece in pieces], ["one", "two", "three"])

    def test_responses_agent(self) -> None:
        document = {"input": [{"role": "user", "content": "one two three"}], "stream": True}
        pieces = self._pieces(document, "/models/responses_agent/invocations", "*/*")
        self.assertEqual([piece["delta"] for piece in pieces], ["one", "two", "three"])


if __name__ == "__main__":
    absltest.main()
