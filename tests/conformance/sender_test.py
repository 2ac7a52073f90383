"""Spec 8.3, lines 35 and 36: response senders of models that are not decoupled."""

from absl.testing import absltest, parameterized

from tests.conformance import harness, streaming
from tests.conformance.repository import Model

_SECOND = "Unable to send response. Non-decoupled model cannot send more than one response."
_EARLY = "Unable to send response. Non-decoupled model cannot send complete final before sending a response."
_CLOSED = "Unable to send response. Response sender has been closed."


@harness.needs_release("24.06", "response senders for all models")
class SenderTest(streaming.StreamTest):
    MODELS = [Model("sender")]

    @parameterized.parameters(
        ("send:1 final", []),
        ("final send:1 final", [_EARLY]),
        ("final return:1", [_EARLY]),
        ("last:1 final last:2 send:3", [_CLOSED, _SECOND, _SECOND]),
        ("send:1 send:2 last:3 final final", [_SECOND, _SECOND, _CLOSED]),
        (
            "flag:2 nothing last:1 flag:3",
            [
                "Unable to send response. Unsupported flag provided.",
                "Inference Response object must be provided when the response flags is set to zero.",
                "Unable to send response. Unsupported flag provided.",
            ],
        ),
    )
    def test_line_35_misuse(self, steps: str, refused: list[str]) -> None:
        self.assertEqual(self.ask("sender", steps=steps), "1")
        self.assertEqual(self.refused("sender"), refused)

    @parameterized.product(
        steps=("last:1", "send:1 final", "later last:1", "later send:1 final", "send:1 later final"),
        mode=("", "none"),
    )
    def test_line_36_sent(self, steps: str, mode: str) -> None:
        """The result is a list with None, or None."""
        self.assertEqual(self.ask("sender", mode, steps=steps), "1")
        self.assertEqual(self.refused("sender"), [])

    def test_line_36_sent_error(self) -> None:
        self.assertEqual(self.infer_error("sender", parameters={"steps": "last_error:no"}).message(), "no")

    @parameterized.parameters("send:1 return_error:no", "send:1 return:2", "send:1 raise:boom")
    def test_line_36_first_response_counts(self, steps: str) -> None:
        """The error that ends the request comes too late for the client; the server lives."""
        if "raise" in steps:
            self.skip_if_shipped("exception_after_sending")
        for _ in range(20):
            self.assertEqual(self.stream("sender", steps)[0].split()[0], "1")
        self.assertEqual(self.ask("sender", steps="return:fine"), "fine")

    @parameterized.parameters(
        "last:1 raise:boom", "last:1 return:2", "last:1 return_error:no", "send:1 final raise:boom"
    )
    def test_line_36_after_final(self, steps: str) -> None:
        self.skip_if_shipped("exception_after_sending")
        for _ in range(20):
            self.assertEqual(self.ask("sender", steps=steps), "1")
        self.assertEqual(self.ask("sender", steps="return:fine"), "fine")

    def test_line_56_leaves_nothing(self) -> None:
        self.stream("sender", "large:300000 final")
        free = self.free("sender")
        for steps in ("last:1", "send:1 final", "send:1 return:2", "return:1", "later last:1", "large:100000 final"):
            for _ in range(20):
                self.stream("sender", steps)
        self.assertSameFree(free, self.free("sender"))


class OldServerTest(streaming.StreamTest):
    MODELS = [Model("sender")]

    def test_line_35_no_sender(self) -> None:
        """Before 24.06 only decoupled models have response senders."""
        if harness.release() >= "24.06":
            self.skipTest("every model has response senders")
        message = self.infer_error("sender", parameters={"steps": "last:1"}).message()
        self.assertIn(
            "'get_response_sender' function must be called only when the model is using the decoupled", message
        )
        self.assertEqual(self.ask("sender", steps="return:1"), "1")


if __name__ == "__main__":
    absltest.main()
