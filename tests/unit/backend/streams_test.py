"""Answers in pieces, from threads."""

import threading
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from absl.testing import absltest

from mlflow_backend import streams
from mlflow_backend.errors import BackendError

_PATIENCE = 10


class _Channel:
    """Notes what is sent; cancelled after `most` pieces."""

    def __init__(self, most: int = 1000) -> None:
        self.pieces: list[int] = []
        self.error: BackendError | None = None
        self.ended = threading.Event()
        self._most = most

    def cancelled(self) -> bool:
        return len(self.pieces) >= self._most

    def send(self, piece: dict[str, Any]) -> None:
        self.pieces.append(int(piece["x"][0]))

    def end(self, error: BackendError | None) -> None:
        self.error = error
        self.ended.set()


def _count(count: int, closed: Callable[[], object] = lambda: None) -> Generator[dict[str, Any]]:
    try:
        for number in range(count):
            yield {"x": np.array([number])}
    finally:
        closed()


class StreamsTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.streams = streams.Streams(2)
        self.addCleanup(self.streams.close)

    def test_pieces_in_order_and_the_end(self) -> None:
        channel = _Channel()
        self.streams.start(lambda: _count(5), channel)
        self.assertTrue(channel.ended.wait(_PATIENCE))
        self.assertEqual(channel.pieces, [0, 1, 2, 3, 4])
        self.assertIsNone(channel.error)

    def test_an_exception_ends_the_answer(self) -> None:
        def broken() -> Generator[dict[str, Any]]:
            yield from _count(2)
            raise KeyError("lost")

        channel = _Channel()
        self.streams.start(broken, channel)
        self.assertTrue(channel.ended.wait(_PATIENCE))
        self.assertEqual(channel.pieces, [0, 1])
        self.assertEqual(str(channel.error), "streaming failed: KeyError: 'lost'")

    def test_cancellation_ends_the_model(self) -> None:
        closed = threading.Event()
        channel = _Channel(most=3)
        self.streams.start(lambda: _count(1000, closed.set), channel)
        self.assertTrue(channel.ended.wait(_PATIENCE))
        self.assertEqual(channel.pieces, [0, 1, 2])
        self.assertTrue(closed.is_set())
        assert channel.error is not None
        self.assertEqual(channel.error.code, "CANCELLED")

    def test_as_many_at_once_as_there_are_threads(self) -> None:
        go_on = threading.Event()

        def waiting() -> Generator[dict[str, Any]]:
            go_on.wait(_PATIENCE)
            yield from _count(1)

        channels = [_Channel() for _ in range(3)]
        for channel in channels[:2]:
            self.streams.start(waiting, channel)
        third = threading.Thread(target=lambda: self.streams.start(waiting, channels[2]))
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
        pool.start(lambda: _count(100), channel)
        pool.close()
        self.assertTrue(channel.ended.is_set())


if __name__ == "__main__":
    absltest.main()
