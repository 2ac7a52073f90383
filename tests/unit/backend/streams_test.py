"""Answers in pieces, from threads."""

import threading
from typing import Any

import numpy as np
from absl.testing import absltest

from mlflow_backend import streams
from mlflow_backend.errors import BackendError, CancelledError

_PATIENCE = 10


class _Channel:
    """Notes what is sent."""

    def __init__(self) -> None:
        self.pieces: list[int] = []
        self.error: BackendError | None = None
        self.ended = threading.Event()

    def cancelled(self) -> bool:
        return False

    def send(self, piece: dict[str, Any]) -> None:
        self.pieces.append(int(piece["x"][0]))

    def end(self, error: BackendError | None) -> None:
        self.error = error
        self.ended.set()


def _count(channel: _Channel, count: int) -> None:
    for number in range(count):
        channel.send({"x": np.array([number])})


class StreamsTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.streams = streams.Streams(2)
        self.addCleanup(self.streams.close)

    def test_pieces_in_order_and_the_end(self) -> None:
        channel = _Channel()
        self.streams.start(lambda: _count(channel, 5), channel)
        self.assertTrue(channel.ended.wait(_PATIENCE))
        self.assertEqual(channel.pieces, [0, 1, 2, 3, 4])
        self.assertIsNone(channel.error)

    def test_an_exception_ends_the_answer(self) -> None:
        channel = _Channel()

        def broken() -> None:
            _count(channel, 2)
            raise KeyError("lost")

        self.streams.start(broken, channel)
        self.assertTrue(channel.ended.wait(_PATIENCE))
        self.assertEqual(channel.pieces, [0, 1])
        self.assertEqual(str(channel.error), "streaming failed: KeyError: 'lost'")

    def test_an_error_of_the_backend_stays_what_it_is(self) -> None:
        channel = _Channel()

        def cancelled() -> None:
            raise CancelledError("enough")

        self.streams.start(cancelled, channel)
        self.assertTrue(channel.ended.wait(_PATIENCE))
        self.assertIsInstance(channel.error, CancelledError)

    def test_as_many_at_once_as_there_are_threads(self) -> None:
        go_on = threading.Event()

        def start(channel: _Channel) -> None:
            def waiting() -> None:
                go_on.wait(_PATIENCE)
                _count(channel, 1)

            self.streams.start(waiting, channel)

        channels = [_Channel() for _ in range(3)]
        for channel in channels[:2]:
            start(channel)
        third = threading.Thread(target=start, args=[channels[2]])
        third.start()
        third.join(0.2)
        self.assertTrue(third.is_alive())
        go_on.set()
        third.join(_PATIENCE)
        for channel in channels:
            self.assertTrue(channel.ended.wait(_PATIENCE))
            self.assertEqual(channel.pieces, [0])

    def test_closing_waits_for_answers(self) -> None:
        pool = streams.Streams(1)
        channel = _Channel()
        pool.start(lambda: _count(channel, 100), channel)
        pool.close()
        self.assertTrue(channel.ended.is_set())


if __name__ == "__main__":
    absltest.main()
