"""Spec 8.5, line 52: histograms."""

import json
import urllib.request
from typing import Any

from absl.testing import absltest, parameterized

from tests.conformance import harness
from tests.conformance.repository import Model

_FAILED = "Failed to process the request for model 'metrics_0_0', message: "


class HistogramTest(harness.ServerTest):
    MODELS = [Model("metrics")]

    def setUp(self) -> None:
        super().setUp()
        self.skip_if_shipped("helper_race")

    def _do(self, *steps: list[Any]) -> list[Any]:
        return list(self.ask("metrics", "steps", steps=json.dumps(steps)))

    @harness.needs_release("24.08", "histograms")
    def test_line_52_observations(self) -> None:
        results = self._do(
            ["family", "h", "HISTOGRAM"],
            ["metric", "h1", "h", {"a": "one"}, [0.5, 1, 10]],
            *[["observe", "h1", value] for value in (0.25, 0.75, 5, 100)],
        )
        self.assertEqual(results, [None] * 6)
        url = f"http://{self.server.metrics_url}/metrics"
        with urllib.request.urlopen(url, timeout=harness.REQUEST_SECONDS) as page:
            lines = page.read().decode().splitlines()
        buckets = {"0.5": 1, "1": 2, "10": 3, "+Inf": 4}
        wanted = [f'h_bucket{{a="one",le="{bound}"}} {count}' for bound, count in buckets.items()]
        self.assertContainsSubset([*wanted, 'h_sum{a="one"} 106', 'h_count{a="one"} 4', "# TYPE h histogram"], lines)

    @harness.needs_release("24.08", "histograms")
    def test_line_52_wrong_operations(self) -> None:
        results = self._do(
            ["family", "o", "HISTOGRAM"],
            ["metric", "o1", "o", {}, [1]],
            ["increment", "o1", 1],
            ["set", "o1", 1],
            ["value", "o1"],
            ["family", "oc", "COUNTER"],
            ["metric", "oc1", "oc"],
            ["observe", "oc1", 1],
        )
        for index, action, operation in ((2, "increment", "Increment"), (3, "set", "Set"), (4, "get", "Value")):
            text = f"TRITONSERVER_METRIC_KIND_HISTOGRAM does not support {operation}"
            failed = f"Failed to {action} metric value: {_FAILED}"
            self.assertEqual(results[index], ["TritonModelException", failed + text])
        text = "TRITONSERVER_METRIC_KIND_COUNTER does not support Observe"
        self.assertEqual(results[7], ["TritonModelException", f"Failed to observe metric value: {_FAILED}{text}"])

    @parameterized.parameters(
        ("HISTOGRAM", [], "Failed to create metric. Missing required buckets."),
        ("HISTOGRAM", [None], "Failed to create metric. Missing required buckets."),
        ("HISTOGRAM", [{"a": 1}], "Failed to create metric. Buckets must be a list."),
        ("COUNTER", [[1, 2]], "Failed to create metric. Unexpected buckets found."),
        ("GAUGE", [[1, 2]], "Failed to create metric. Unexpected buckets found."),
    )
    @harness.needs_release("24.08", "histograms")
    def test_line_52_wrong_buckets(self, kind: str, buckets: list[Any], text: str) -> None:
        _, error = self._do(["family", f"b_{kind}", kind], ["metric", "b1", f"b_{kind}", {}, *buckets])
        self.assertEqual(error, ["TritonModelException", text])

    @harness.needs_release("24.08", "histograms")
    def test_line_52_buckets_out_of_order(self) -> None:
        """The server refuses them, and lives."""
        _, (kind, text) = self._do(["family", "u", "HISTOGRAM"], ["metric", "u1", "u", {}, [5, 1]])
        self.assertEqual(kind, "TritonModelException")
        self.assertStartsWith(text, f"Error when creating Metric: {_FAILED}")

    def test_line_52_before_there_were_histograms(self) -> None:
        if harness.release() >= "24.08":
            self.skipTest("this server has histograms")
        results = self._do(
            ["family", "old", "HISTOGRAM"],
            ["family", "old_c", "COUNTER"],
            ["metric", "old1", "old_c"],
            ["observe", "old1", 1],
            ["value", "old1"],
        )
        self.assertEqual(
            results[0],
            ["TritonModelException", "Error when creating MetricFamily: histograms need Triton 24.08 or newer."],
        )
        self.assertEqual(results[3][0], "TritonModelException")
        self.assertStartsWith(results[3][1], "Failed to observe metric value: not supported by Triton ")
        self.assertIn(harness.release(), results[3][1])
        self.assertEqual(results[4], 0.0)


if __name__ == "__main__":
    absltest.main()
