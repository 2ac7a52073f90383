"""Spec 8.3, lines 37 and 38: response factories are deleted once, whoever has to do it (spec 5.12)."""

import itertools
from collections.abc import Sequence

import grpc
import numpy as np
from absl.testing import absltest, parameterized

from tests.conformance import harness, streaming
from tests.conformance.repository import Model

# Oldest: all requests of a call are real ones.
_BATCHED = """sequence_batching {
  iterative_sequence: true
  oldest { max_candidate_sequences: 8 preferred_batch_size: [ 4 ] max_queue_delay_microseconds: 500000 }
}"""


class FactoriesTest(streaming.StreamTest):
    @parameterized.parameters(
        ("keep_sender final", ["final"]),
        ("keep_request final", ["final"]),
        ("keep_sender keep_request send:1 last:2", ["1", "2 final"]),
        ("keep_request later last:1", ["1 final"]),
        ("keep_sender later last:1", ["1 final"]),
        ("last:1", ["1 final"]),
        ("last:1 raise:boom", ["1 final"]),
        ("send:1 last_error:no", ["1", "error: no final"]),
    )
    def test_line_37_decoupled(self, steps: str, wanted: list[str]) -> None:
        """What the model keeps of an answered request does not keep the server from unloading it."""
        if "keep" in steps and harness.release() < "24.08":
            self.skip_if_shipped("kept_request")
        self._load(Model("sender", "decoupled", config=streaming.DECOUPLED))
        for _ in range(10):
            self.assertEqual(self.stream("decoupled", steps), wanted)
        self.unload_quickly("decoupled")

    @parameterized.parameters("", "send:1 ", "keep_sender ", "keep_request ")
    def test_line_37_decoupled_exception(self, steps: str) -> None:
        if "keep" in steps:
            self.skip_if_shipped("kept_request")
        self._load(Model("sender", "decoupled", config=streaming.DECOUPLED))
        for _ in range(10):
            self.assertStartsWith(self.stream("decoupled", steps + "raise:boom")[-1], "error: ")
        self.unload_quickly("decoupled")

    @parameterized.parameters(
        "keep_sender last:1", "keep_request last:1", "keep_request return:1", "keep_sender return:1"
    )
    @harness.needs_release("24.06", "response senders for all models")
    def test_line_37_not_decoupled(self, steps: str) -> None:
        if harness.release() < "24.08":
            self.skip_if_shipped("kept_request")
        self._load(Model("sender"))
        for _ in range(10):
            self.assertEqual(self.ask("sender", steps=steps), "1")
        self.unload_quickly("sender")

    @parameterized.parameters("raise:boom", "keep_sender raise:boom", "keep_request raise:boom")
    @harness.needs_release("24.06", "response senders for all models")
    def test_line_37_not_decoupled_exception(self, steps: str) -> None:
        if "keep" in steps:
            self.skip_if_shipped("kept_request")
        self._load(Model("sender"))
        for _ in range(10):
            self.infer_error("sender", parameters={"steps": steps})
        self.unload_quickly("sender")

    @harness.needs_release("24.06", "response senders for all models")
    def test_line_38_mixed_batch(self) -> None:
        """A scheduled-again request is neither answered nor closed: its factory is the stub's to delete."""
        self._load(Model("sender", "batched", max_batch_size=4, config=_BATCHED))
        wanted = {"count": "4", "return:returned": "returned", "reschedule:#": "again #", "return_error:bad": "bad"}
        for number, order in enumerate(itertools.islice(itertools.permutations(wanted), 0, None, 3)):
            got = self._batch([step.replace("#", str(number)) for step in order])
            self.assertEqual(got, [wanted[step].replace("#", str(number)) for step in order])
        self.unload_quickly("batched")

    @harness.needs_release("24.06", "response senders for all models")
    def test_line_38_exception(self) -> None:
        """Some of the batch are closed already; the others get the error, each once."""
        self.skip_if_shipped("exception_after_sending")
        self._load(Model("sender", "batched", max_batch_size=4, config=_BATCHED))
        closed = 0
        for _ in range(10):
            # They come in any order, and the exception ends the call.
            sent, *others = self._batch(["count", "keep_sender", "keep_request", "raise:boom"])
            closed += sent == "4"
            self.assertTrue(sent == "4" or "ValueError: boom" in sent, sent)
            for text in others:
                self.assertIn("ValueError: boom", text)
        self.assertGreater(closed, 0)
        self.unload_quickly("batched")

    def _load(self, model: Model) -> None:
        self.add(model)
        self.load(model.model_name)

    def _batch(self, steps: Sequence[str]) -> list[str]:
        """Answers, or errors, of four requests in one call of `execute`."""
        answers = self.infer_all(
            "batched", [{"IN": np.zeros((1, 1), np.int32)}] * 4, parameters=[{"steps": step} for step in steps]
        )
        return [
            str(answer.message())
            if isinstance(answer, harness.InferenceServerException)
            else str(answer["RESULT"].ravel()[0].decode().strip('"'))
            for answer in answers
        ]


# The server of 23.10 dies of streams that clients give up, with either stub.
@harness.needs_release("24.06", "a server that survives requests that nobody answers")
class UnansweredTest(streaming.StreamTest):
    """Requests that nobody answers: the server waits for them, whatever the stub does, until it loses patience.

    After streams that were given up the server of 24.07 now and then never delivers an answer that it counts as sent: 1
    of 6 runs on a busy machine with the stub it came with.
    """

    MODELS = [Model("sender", "decoupled", config=streaming.DECOUPLED)]
    SERVER_ARGS = ["--exit-timeout-secs=2"]

    @parameterized.parameters("sleep:0", "keep_sender", "keep_request", "send:1")
    def test_line_37_unanswered(self, steps: str) -> None:
        free = self.free("decoupled")
        for _ in range(3):
            with self.assertRaises(grpc.RpcError):
                self.stream("decoupled", steps, seconds=0.2)
        self.assertEqual(self.stream("decoupled", "drop last:1"), ["1 final"])
        self.assertSameFree(free, self.free("decoupled"))


if __name__ == "__main__":
    absltest.main()
