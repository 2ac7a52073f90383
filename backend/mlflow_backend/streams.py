"""Answers in pieces, for models with the decoupled transaction policy.

Each request is answered by a thread of its own, so that one long answer does not keep the others waiting; `start` waits
while all threads have one, so that requests queue up in the server, where its limits, priorities and time-outs hold.

The thread that became free last is taken first. OpenMP keeps a team for each thread that has called it, and with more
members than there are processors all of them sleep between any two loops: the first token then takes twice as long.
"""

from __future__ import annotations

import queue
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
        # Each is one thread, which begins with its first answer.
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix="mlflow-stream") for _ in range(threads)]
        self._free: queue.LifoQueue[ThreadPoolExecutor] = queue.LifoQueue()
        for thread in self._threads:
            self._free.put(thread)

    def start(self, answer: Callable[[], None], channel: Channel) -> None:
        """Answers one request: `answer` sends the pieces to `channel`, and raises whatever is wrong."""
        thread = self._free.get()
        try:
            thread.submit(self._run, thread, answer, channel)
        except BaseException:
            self._free.put(thread)
            raise

    def call(self, work: Callable[[], None]) -> None:
        """Does something in the thread that the next answer comes from; waits for it, and raises what it raises."""
        thread = self._free.get()
        try:
            thread.submit(work).result()
        finally:
            self._free.put(thread)

    def close(self) -> None:
        """Waits for the answers under way."""
        for thread in self._threads:
            thread.shutdown(wait=True)

    def _run(self, thread: ThreadPoolExecutor, answer: Callable[[], None], channel: Channel) -> None:
        try:
            channel.end(_outcome(answer))
        finally:
            self._free.put(thread)


def _outcome(answer: Callable[[], None]) -> BackendError | None:
    """What went wrong, if anything."""
    try:
        answer()
    except Exception as error:
        return errors.from_exception(error, doing="streaming")
    return None
