"""Counters and the trace context."""

import json
import threading
from collections import Counter

from absl.testing import absltest
from opentelemetry import trace

from mlflow_backend import telemetry, tracecontext


class TelemetryTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server: Counter[str] = Counter()
        self.messages = 0

    def _create(self, name: str, description: str) -> telemetry.Increment:
        self.assertTrue(description)

        def increment(value: float) -> None:
            self.messages += 1
            self.server[name] += value  # type: ignore[assignment]

        return increment

    def test_many_changes_are_one_message(self) -> None:
        numbers = telemetry.Telemetry(self._create)
        threads = [
            threading.Thread(target=lambda: [numbers.add("mlflow_predict_calls_total") for _ in range(1000)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        numbers.add("mlflow_predict_seconds_total", 0.5)
        numbers.report()
        self.assertEqual(self.server, {"mlflow_predict_calls_total": 4000, "mlflow_predict_seconds_total": 0.5})
        self.assertEqual(self.messages, 2)
        numbers.report()
        self.assertEqual(self.messages, 2)

    def test_closing_sends_the_rest(self) -> None:
        numbers = telemetry.Telemetry(self._create)
        numbers.start()
        numbers.add("mlflow_decode_errors_total")
        numbers.close()
        self.assertEqual(self.server, {"mlflow_decode_errors_total": 1})

    def test_a_server_without_metrics(self) -> None:
        numbers = telemetry.Telemetry()
        numbers.start()
        numbers.add("mlflow_decode_errors_total")
        numbers.close()

    def test_unknown_counter(self) -> None:
        with self.assertRaises(KeyError):
            telemetry.Telemetry().add("mlflow_nonsense_total")


class TraceContextTest(absltest.TestCase):
    def _current(self) -> int:
        return trace.get_current_span().get_span_context().trace_id

    def test_trace_of_the_request(self) -> None:
        number = "0af7651916cd43dd8448eb211c80319c"
        with tracecontext.attached(json.dumps({"traceparent": f"00-{number}-b7ad6b7169203331-01"})):
            self.assertEqual(self._current(), int(number, 16))
        self.assertEqual(self._current(), 0)

    def test_no_trace(self) -> None:
        for carrier in (None, "", "null", "{", "[]", '{"traceparent": "nonsense"}'):
            with self.subTest(carrier), tracecontext.attached(carrier):
                self.assertEqual(self._current(), 0)


if __name__ == "__main__":
    absltest.main()
