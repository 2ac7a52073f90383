"""One line of JSON for each request in the server's log, where the configuration asks for it.

| key          | value                                                                                    |
| ------------ | ---------------------------------------------------------------------------------------- |
| `event`      | `request`                                                                                |
| `model`, `version`, `instance` | whose request it was                                                   |
| `request_id` | the client's; empty if it gave none                                                      |
| `status`     | `OK`, or the error's code, an attribute of Triton's `TritonError`                        |
| `error`      | what the client was told; only of an error                                               |
| `seconds`    | from the moment the backend got the request to its answer                                |
| `requests`   | requests that were answered together with this one, itself included                      |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from mlflow_backend.errors import BackendError

# What to log: nothing, requests that were answered with an error, every request.
CHOICES = ("none", "errors", "all")


class RequestLog:
    """Writes the lines.

    Args:
        choice: one of `CHOICES`.
        labels: `model`, `version` and `instance`.
        write: takes one line; must be thread-safe.
    """

    def __init__(self, choice: str, labels: Mapping[str, str], write: Callable[[str], object]) -> None:
        self._choice = choice
        self._labels = dict(labels)
        self._write = write

    @property
    def wanted(self) -> bool:
        """Whether there is anything to tell it."""
        return self._choice != "none"

    def add(self, request_id: str, error: BackendError | None, seconds: float, requests: int = 1) -> None:
        """One request; see the head of this file."""
        if self._choice == "none" or (self._choice == "errors" and error is None):
            return
        line = {"event": "request", **self._labels, "request_id": request_id}
        outcome = {"status": "OK"} if error is None else {"status": error.code, "error": str(error)}
        numbers = {"seconds": round(seconds, 6), "requests": requests}
        self._write(json.dumps(line | outcome | numbers, ensure_ascii=False))
