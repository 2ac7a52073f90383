"""Spec 8.5, lines 52 and 53: custom metrics."""

import json
import re
import urllib.request
from typing import Any

from absl.testing import absltest, parameterized

from tests.conformance import harness
from tests.conformance.repository import Model

_FAILED = "Failed to process the request for model 'metrics_0_0', message: "
_DELETED = (
    "Invalid metric operation as the corresponding 'MetricFamily' has been deleted. The 'MetricFamily' object should "
    "be deleted AFTER its corresponding 'Metric' objects have been deleted."
)


def _error(text: str) -> list[str]:
    return ["TritonModelException", text]


class MetricsTest(harness.ServerTest):
    MODELS = [Model("metrics")]

    def setUp(self) -> None:
        super().setUp()
        self.skip_if_shipped("helper_race")

    def _do(self, *steps: list[Any], model: str = "metrics") -> list[Any]:
        return list(self.ask(model, "steps", steps=json.dumps(steps)))

    def _published(self, name: str) -> list[str]:
        """What the server's metrics endpoint says about a family."""
        url = f"http://{self.server.metrics_url}/metrics"
        with urllib.request.urlopen(url, timeout=harness.REQUEST_SECONDS) as page:
            lines = page.read().decode().splitlines()
        return [line for line in lines if re.search(rf"\b{name}(_bucket|_sum|_count)?\b", line)]

    def test_line_52_counter(self) -> None:
        results = self._do(
            ["family", "c", "COUNTER", "counts things"],
            ["metric", "c1", "c", {"a": "one", "b": "grüße"}],
            ["value", "c1"],
            ["increment", "c1", 2.5],
            ["increment", "c1", 0],
            ["value", "c1"],
        )
        self.assertEqual(results, [None, None, 0.0, None, None, 2.5])
        self.assertEqual(
            self._published("c"),
            ["# HELP c counts things", "# TYPE c counter", 'c{a="one",b="grüße"} 2.5'],
        )
        self._do(["drop", "c1"], ["drop", "c"])
        self.assertEqual(self._published("c"), [])

    def test_line_52_counter_errors(self) -> None:
        results = self._do(
            ["family", "ce", "COUNTER"],
            ["metric", "ce1", "ce", {}],
            ["increment", "ce1", -1],
            ["set", "ce1", 5],
            ["increment", "ce1", "text"],
            ["value", "ce1"],
        )
        self.assertEqual(results[2][0], "TritonModelException")
        self.assertStartsWith(results[2][1], f"Failed to increment metric value: {_FAILED}")
        self.assertEqual(
            results[3],
            _error(f"Failed to set metric value: {_FAILED}TRITONSERVER_METRIC_KIND_COUNTER does not support Set"),
        )
        self.assertEqual(results[4][0], "TypeError")
        self.assertEqual(results[5], 0.0)

    def test_line_52_gauge(self) -> None:
        results = self._do(
            ["family", "g", "GAUGE"],
            ["metric", "g1", "g", {"a": "one"}],
            ["metric", "g2", "g", {"a": "two"}],
            ["set", "g1", -7.25],
            ["increment", "g1", -1],
            ["set", "g2", 1e300],
            ["value", "g1"],
            ["value", "g2"],
        )
        self.assertEqual(results, [None] * 6 + [-8.25, 1e300])
        self.assertContainsSubset(['g{a="one"} -8.25', 'g{a="two"} 1e+300'], self._published("g"))

    def test_line_52_values_live_on(self) -> None:
        """From one request to the next."""
        self._do(["family", "l", "COUNTER"], ["metric", "l1", "l"])
        for _ in range(5):
            self._do(["increment", "l1", 1])
        self.assertEqual(self._do(["value", "l1"]), [5.0])

    def test_line_52_no_labels(self) -> None:
        results = self._do(["family", "n", "COUNTER"], ["metric", "n1", "n"], ["increment", "n1", 3], ["value", "n1"])
        self.assertEqual(results, [None, None, None, 3.0])
        self.assertIn("n 3", self._published("n"))

    def test_line_52_duplicates(self) -> None:
        """The same family and the same labels again are the same metric."""
        results = self._do(
            ["family", "d", "COUNTER"],
            ["metric", "d1", "d", {"a": "one"}],
            ["metric", "d2", "d", {"a": "one"}],
            ["increment", "d1", 1],
            ["increment", "d2", 2],
            ["value", "d1"],
            ["drop", "d2"],
            ["value", "d1"],
        )
        self.assertEqual(results, [None] * 5 + [3.0, None, 3.0])

    def test_line_52_another_kind(self) -> None:
        self._do(["family", "k", "COUNTER"], ["metric", "k1", "k"])
        ((kind, text),) = self._do(["family", "k", "GAUGE"])
        self.assertEqual(kind, "TritonModelException")
        self.assertStartsWith(text, f"Error when creating MetricFamily: {_FAILED}")
        self.assertEqual(self._do(["increment", "k1", 1], ["value", "k1"]), [None, 1.0])

    @parameterized.parameters(
        ([1, 2], "Failed to create metric. Labels must be a dictionary."),
        ({"a": 1}, f"Error when creating Metric: {_FAILED}"),
    )
    def test_line_52_wrong_labels(self, labels: Any, text: str) -> None:
        _, (kind, got) = self._do(["family", "w", "GAUGE"], ["metric", "w1", "w", labels])
        self.assertEqual(kind, "TritonModelException")
        self.assertIn(text, got)

    def test_line_52_family_goes_first(self) -> None:
        results = self._do(
            ["family", "f", "COUNTER"],
            ["metric", "f1", "f"],
            ["drop", "f"],
            ["increment", "f1", 1],
            ["value", "f1"],
            ["drop", "f1"],
            ["family", "f", "COUNTER"],
            ["metric", "f1", "f"],
            ["value", "f1"],
        )
        failed = [_error(f"Failed to {action} metric value: {_DELETED}") for action in ("increment", "get")]
        self.assertEqual(results[3:], [*failed, None, None, None, 0.0])

    def test_line_52_deleted_at_the_end(self) -> None:
        """Whatever the model still holds is gone with it."""
        model = Model("metrics", "ending")
        self.add(model)
        self.load("ending")
        self._do(["family", "e", "GAUGE"], ["metric", "e1", "e"], ["set", "e1", 4], model="ending")
        self.assertIn("e 4", self._published("e"))
        self.assertIn('ending_loads{version="1"} 1', self._published("ending_loads"))
        self.unload("ending")
        self.assertEqual(self._published("e") + self._published("ending_loads"), [])

    def test_line_53_threads(self) -> None:
        self._do(["family", "t", "COUNTER"], ["metric", "t1", "t"])
        self.assertEqual(self.ask("metrics", "threads", metric="t1"), 400.0)
        for thread in range(4):
            last = f"metric thread {thread} line 099"
            harness.wait_for(lambda last=last: last in self.server.log_text(), last)  # type: ignore[misc]
            lines = re.findall(rf"metric thread {thread} line (\d+)", self.server.log_text())
            self.assertEqual([int(line) for line in lines], list(range(100)))

    def test_line_56_no_leak(self) -> None:
        def hammer() -> int:
            for _ in range(50):
                steps: list[list[Any]] = [
                    ["increment", "z1", 1],
                    ["set", "z1", 1],
                    ["value", "z1"],
                    ["drop", "z1"],
                    ["drop", "z"],
                ]
                self._do(["family", "z", "COUNTER"], ["metric", "z1", "z", {"a": "b"}], *steps)
            return self.free_bytes("metrics")

        self.assertSameFree(hammer(), hammer())


if __name__ == "__main__":
    absltest.main()
