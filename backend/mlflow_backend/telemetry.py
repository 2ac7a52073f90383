"""Numbers of one instance for the server's `/metrics`.

A change of a metric is a message to the server and an answer, which takes as long as a small model's `predict`. So the
numbers are added up here, and sent once a second where they changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

SECONDS_BETWEEN_REPORTS = 1.0

# Name -> description. Divide the sums to get means: seconds by calls, rows by calls.
COUNTERS: Mapping[str, str] = {
    "mlflow_predict_calls_total": "Calls of the model's predict, each for one batch",
    "mlflow_predict_seconds_total": "Seconds spent in the model's predict",
    "mlflow_predict_rows_total": "Rows given to the model's predict",
    "mlflow_decode_errors_total": "Requests that do not fit the model's signature",
    "mlflow_predict_errors_total": "Requests that the model failed on, or whose answer does not fit its signature",
    "mlflow_stream_pieces_total": "Pieces of streamed answers",
}

# Adds to one counter in the server.
Increment = Callable[[float], object]


class Telemetry:
    """Counters by name. Thread-safe.

    Args:
        create: gives the server's counter for a name and its description; raises where the server has no metrics.
    """

    def __init__(self, create: Callable[[str, str], Increment] | None = None) -> None:
        self._lock = threading.Lock()
        self._waiting = dict.fromkeys(COUNTERS, 0.0)
        self._increments = {name: create(name, text) for name, text in COUNTERS.items()} if create else {}
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, name: str, value: float = 1.0) -> None:
        """Adds to a counter; `name` is one of `COUNTERS`."""
        with self._lock:
            self._waiting[name] += value

    def start(self) -> None:
        """Reports from now on, if there is anybody to report to."""
        if self._increments:
            self._thread = threading.Thread(target=self._run, name="mlflow-telemetry", daemon=True)
            self._thread.start()

    def report(self) -> None:
        """Sends what has been added since the last report."""
        with self._lock:
            changes = {name: value for name, value in self._waiting.items() if value}
            self._waiting.update(dict.fromkeys(changes, 0.0))
        for name, value in changes.items():
            if name in self._increments:
                self._increments[name](value)

    def close(self) -> None:
        """Sends the rest."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.report()

    def _run(self) -> None:
        while not self._end.wait(SECONDS_BETWEEN_REPORTS):
            self.report()
