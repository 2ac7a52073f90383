"""Lines of the request log."""

from __future__ import annotations

import json
from typing import Any

from absl.testing import absltest, parameterized

from mlflow_backend import requestlog
from mlflow_backend.errors import BackendError, RequestError

_LABELS = {"model": "wine", "version": "1", "instance": "wine_0_0"}


class RequestLogTest(parameterized.TestCase):
    def _lines(self, choice: str, *requests: tuple[Any, ...]) -> list[dict[str, Any]]:
        lines: list[str] = []
        log = requestlog.RequestLog(choice, _LABELS, lines.append)
        for request in requests:
            log.add(*request)
        self.assertNotIn("\n", "".join(lines))
        return [json.loads(line) for line in lines]

    def test_every_request(self) -> None:
        good, bad = self._lines("all", ("a", None, 0.25, 3), ("", RequestError("two\nlines"), 0.5))
        self.assertEqual(
            good,
            {"event": "request", **_LABELS, "request_id": "a", "status": "OK", "seconds": 0.25, "requests": 3},
        )
        self.assertEqual((bad["status"], bad["error"], bad["requests"]), ("INVALID_ARG", "two\nlines", 1))

    @parameterized.parameters(("none", []), ("errors", ["b"]), ("all", ["a", "b"]))
    def test_choice(self, choice: str, logged: list[str]) -> None:
        lines = self._lines(choice, ("a", None, 0.0), ("b", BackendError("no"), 0.0))
        self.assertEqual([line["request_id"] for line in lines], logged)

    def test_wanted(self) -> None:
        wanted = [requestlog.RequestLog(choice, {}, print).wanted for choice in requestlog.CHOICES]
        self.assertEqual(wanted, [False, True, True])


if __name__ == "__main__":
    absltest.main()
