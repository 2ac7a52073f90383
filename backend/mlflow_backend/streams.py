"""Answers in pieces, for models with the decoupled transaction policy.

Each request is answered by a thread of its own, so that one long answer does not keep the others waiting; `start` waits
while all threads have one, so that requests queue up in the server, where its limits, priorities and time-outs hold.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from mlflow_backend import errors
from mlflow_backend.errors import BackendError
from mlflow_backend.service import Outputs


class Channel(Protocol):
    """Where the pieces of one answer go."""

    def cancelled(self) -> bool:
        """Whether nobody waits for more."""
        ...

    def send(self, piece: Outputs) -> None:
        """Sends one piece."""
        ...

    def end(self, error: BackendError | None) -> None:
        """Ends the answer, with an error if there is one."""
        ...


class Streams:
    """Answers requests in the background.

    Args:
        threads: how many at once.
    """

    def __init__(self, threads: int) -> None:
        self._free = threading.Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="mlflow-stream")

    def start(self, answer: Callable[[], Generator[Outputs]], channel: Channel) -> None:
        """Answers one request; `answer` gives its pieces, and raises whatever is wrong."""
        self._free.acquire()
        try:
            self._pool.submit(self._run, answer, channel)
        except BaseException:
            self._free.release()
            raise

    def close(self) -> None:
        """Waits for the answers under way."""
        self._pool.shutdown(wait=True)

    def _run(self, answer: Callable[[], Generator[Outputs]], channel: Channel) -> None:
        try:
            channel.end(_forward(answer, channel))
        finally:
            self._free.release()


def _forward(answer: Callable[[], Generator[Outputs]], channel: Channel) -> BackendError | None:
    """Sends every piece; what went wrong, if anything."""
    try:
        # Closing ends the model's own generator, wherever it is.
        with contextlib.closing(answer()) as pieces:
            for piece in pieces:
                if channel.cancelled():
                    return errors.CancelledError("the request was cancelled.")
                channel.send(piece)
    except Exception as error:
        return errors.from_exception(error, doing="streaming")
    return None
