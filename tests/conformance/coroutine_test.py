"""Spec 8.2, lines 29 and 31: `async def execute`, and requests that are scheduled again."""

import numpy as np
from absl.testing import absltest

from tests.conformance import harness
from tests.conformance.repository import Model


class CoroutineTest(harness.ServerTest):
    MODELS = [
        Model("coroutine"),
        Model(
            "coroutine",
            "batched",
            max_batch_size=8,
            config="dynamic_batching { max_queue_delay_microseconds: 300000 preferred_batch_size: [ 4 ] }",
        ),
    ]

    def test_line_29_awaits(self) -> None:
        self.assertEqual(self.ask("coroutine")["order"], ["early", "late"])

    def test_line_29_batch(self) -> None:
        answers = self.infer_all("batched", [{"IN": np.zeros((1, 1), np.int32)}] * 4)
        self.assertAnswered(answers)
        for answer in answers:
            self.assertIn(b'"early", "late"', answer["RESULT"].ravel()[0])

    def test_line_29_exception(self) -> None:
        message = self.infer_error("coroutine", parameters={"mode": "raise"}).message()
        self.assertIn("message: ValueError: coroutine boom", message)
        self.assertEqual(self.ask("coroutine")["order"], ["early", "late"])

    def test_line_29_wrong_result(self) -> None:
        self.skip_if_shipped("wrong_coroutine", before="24.04")
        message = self.infer_error("coroutine", parameters={"mode": "number"}).message()
        self.assertIn("Expected a list in the execute return, found type '<class 'int'>'.", message)

    def test_line_29_many(self) -> None:
        for answer in self.infer_all("coroutine", [None] * 10):
            self.assertIsInstance(answer, dict)


@harness.needs_release("23.11", "rescheduling")
class RescheduleTest(harness.ServerTest):
    MODELS = [
        Model("reschedule", max_batch_size=4, config="sequence_batching { iterative_sequence: true }"),
    ]

    # The server gives each request of its own a sequence.
    def _ask(self, value: int, **parameters: object) -> bytes:
        answer = self.infer("reschedule", {"IN": np.full((1, 1), value, np.int32)}, parameters=parameters)
        return bytes(answer["RESULT"].ravel()[0])

    def test_line_31_three_times(self) -> None:
        self.assertEqual(self._ask(5, times=3), b'{"steps": 4, "input": 5}')

    def test_line_31_not_at_all(self) -> None:
        self.assertEqual(self._ask(6, times=0), b'{"steps": 1, "input": 6}')

    def test_line_31_several_at_once(self) -> None:
        answers = self.infer_all(
            "reschedule",
            [{"IN": np.full((1, 1), index, np.int32)} for index in range(3)],
            parameters=[{"times": index} for index in range(3)],
        )
        self.assertAnswered(answers)
        for index, answer in enumerate(answers):
            self.assertEqual(answer["RESULT"].ravel()[0], b'{"steps": %d, "input": %d}' % (index + 1, index))

    def test_line_31_with_a_response(self) -> None:
        with self.assertRaises(harness.InferenceServerException) as caught:
            self._ask(1, mode="response", times=0)
        self.assertIn(
            "Expected a None object in the execute function return list for reschduled request, found type "
            "'<class 'c_python_backend_utils.InferenceResponse'>'.",
            caught.exception.message(),
        )
        self.assertEqual(self._ask(6, times=1), b'{"steps": 2, "input": 6}')


if __name__ == "__main__":
    absltest.main()
