"""Answers in pieces, for models with the decoupled transaction policy.

Each request is answered by a thread of its own, so that one long answer does not keep the others waiting; `start` waits
while all threads have one, so that requests queue up in the server, where its limits, priorities and time-outs hold.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from mlflow_backend import errors, service
from mlflow_backend.errors import BackendError


class Channel(service.Channel, Protocol):
    """Where the pieces of one answer go, and its end."""

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

    def start(self, answer: Callable[[], None], channel: Channel) -> None:
        """Answers one request: `answer` sends the pieces to `channel`, and raises whatever is wrong."""
        self._free.acquire()
        try:
            self._pool.submit(self._run, answer, channel)
        except BaseException:
            self._free.release()
            raise

    def close(self) -> None:
        """Waits for the answers under way."""
        self._pool.shutdown(wait=True)

    def _run(self, answer: Callable[[], None], channel: Channel) -> None:
        try:
            channel.end(_outcome(answer))
        finally:
            self._free.release()


def _outcome(answer: Callable[[], None]) -> BackendError | None:
    """What went wrong, if anything."""
    try:
        answer()
    except Exception as error:
        return errors.from_exception(error, doing="streaming")
    return None
