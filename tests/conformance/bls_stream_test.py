"""Spec 8.4, lines 46 to 48: requests to decoupled models."""

from typing import Any

from absl.testing import absltest, parameterized

from tests.conformance import bls, harness
from tests.conformance.bls import plan
from tests.conformance.repository import Model

_TARGET = "bls_stream_target"
_EMPTY: dict[str, Any] = {"error": None, "code": None, "outputs": {}}


def stream(count: int, name: str = "", **what: Any) -> dict[str, Any]:
    """A request that is answered `count` times."""
    return plan(_TARGET, count=count, name=name, **what)


# With either stub the thread that delivers a second response crashes there, in one of three runs of this file.
@harness.needs_release("23.11", "a server that survives streams of several responses")
class BlsStreamTest(bls.BlsTest):
    CALLER = "bls_stream"
    MODELS = [
        Model("bls_stream"),
        Model(
            _TARGET,
            inputs=["PLAN STRING 1"],
            outputs=["RESULT STRING 1"],
            config="model_transaction_policy { decoupled: true }",
        ),
        bls.TARGET,
    ]

    def assertStream(self, got: list[dict[str, Any]], count: int, name: str = "", final: bool = False) -> None:
        """All responses in order, then the empty one that says that this was all."""
        wanted = [[name, number] for number in range(count)]
        full = got if final and count else got[:-1]
        self.assertEqual([bls.result(response) for response in full], wanted)
        if not final or not count:
            self.assertEqual(got[-1], _EMPTY)

    @parameterized.product(count=[0, 1, 2, 5, 300], final=[False, True])
    def test_line_46_all(self, count: int, final: bool) -> None:
        for mode in ("all", "late"):
            (got,) = self.call(stream(count, "x", final=final), mode=mode)
            self.assertStream(got, count, "x", final)

    def test_line_46_slow(self) -> None:
        (got,) = self.call(stream(4, seconds=0.1), mode="all")
        self.assertStream(got, 4)

    def test_line_46_twice(self) -> None:
        (both,) = self.call(stream(5), mode="twice")
        for got in both:
            self.assertStream(got, 5)

    def test_line_46_after_the_end(self) -> None:
        seen, end, again = self.call(stream(3), mode="after_the_end")
        self.assertStream(seen, 3)
        self.assertEqual((end, again), ("end", seen[0]))

    def test_line_46_stop_early(self) -> None:
        """Streams that nobody reads to the end, slow and fast ones; then the next is as ever."""
        self.skip_if_shipped("dropped_streams")
        for mode in ("early", "unread"):
            for call in (stream(5), stream(5, seconds=0.02)):
                self.call(*[call] * 5, mode=mode)
                (got,) = self.call(stream(3), mode="all")
                self.assertStream(got, 3)

    def test_line_46_interleaved(self) -> None:
        steps = self.call(stream(5, "a", seconds=0.02), stream(5, "b", seconds=0.01), mode="interleaved")
        for name, got in zip("ab", zip(*steps, strict=True), strict=True):
            self.assertStream(list(got), 5, name)

    def test_line_46_many_open(self) -> None:
        names = [f"stream {number}" for number in range(20)]
        answers = self.call(*[stream(10, name) for name in names], mode="reversed")
        for name, got in zip(reversed(names), answers, strict=True):
            self.assertStream(got, 10, name)

    def test_line_46_kept(self) -> None:
        """Streams that are read in a later call of `execute`."""
        self.call(stream(5, "a"), stream(3, "b", seconds=0.1), mode="keep")
        first, second = self.call(mode="read_kept")
        self.assertStream(first, 5, "a")
        self.assertStream(second, 3, "b")

    @parameterized.parameters("threads", "gather")
    def test_line_46_at_once(self, mode: str) -> None:
        """Responses overtake the first one while threads wait for the interpreter."""
        self.skip_if_shipped("streams_in_threads")
        for _ in range(10):
            names = [f"stream {number}" for number in range(16)]
            for name, got in zip(names, self.call(*[stream(4, name) for name in names], mode=mode), strict=True):
                self.assertStream(got, 4, name)

    def test_line_46_error_at_once(self) -> None:
        for call in (plan(_TARGET, count=0, failure=0), {"model": "nobody"}):
            ((got,),) = self.call(call, mode="all")
            self.assertIn("target boom" if call["model"] == _TARGET else "'nobody' is not ready", got["error"])

    @parameterized.parameters(
        (stream(1, errors=[0]), ["error 0", {}]),
        (stream(1, errors=[0], final=True), ["error 0"]),
        (stream(3, errors=[0]), ["error 0", ["", 1], ["", 2], {}]),
        (stream(3, errors=[1]), [["", 0], "error 1", ["", 2], {}]),
        (stream(3, errors=[2], final=True), [["", 0], ["", 1], "error 2"]),
        (stream(3, errors=[0, 1, 2]), ["error 0", "error 1", "error 2", {}]),
    )
    def test_line_46_errors(self, call: dict[str, Any], wanted: list[Any]) -> None:
        self.skip_if_shipped("stream_errors")
        for _ in range(50):
            (got,) = self.call(call, mode="all")
            self.assertEqual([bls.result(one) if one["outputs"] or one["error"] else {} for one in got], wanted)

    def test_line_46_error_beside_other_streams(self) -> None:
        """Before 25.04 nothing says whose error it is: other streams must not get it while the right one is open."""
        self.skip_if_shipped("stream_errors")
        calls = [stream(2, "a", seconds=0.05), stream(3, "b", errors=[2], final=True), stream(3, "c", seconds=0.1)]
        first, second, third = self.call(*calls, mode="late")
        self.assertStream(first, 2, "a")
        self.assertEqual([bls.result(one) for one in second], [["b", 0], ["b", 1], "error 2"])
        self.assertStream(third, 3, "c")

    def test_line_46_target_is_not_decoupled(self) -> None:
        ((got,),) = self.call(plan(), mode="all")
        self.assertEqual(bls.result(got)["model"], "bls_target")

    def test_line_46_own_iterator(self) -> None:
        (got,) = self.call(mode="made")
        self.assertEqual(bls.result(got), "own")

    def test_line_47_not_asked_as_decoupled(self) -> None:
        (got,) = self.call(stream(3))
        self.assertIn("decoupled", got["error"])
        self.assertEqual(got["outputs"], {})

    def test_line_48_cancel(self) -> None:
        if harness.release() >= "25.04":
            self.assertEqual(self.call(stream(100, seconds=0.1), mode="cancel")[:2], ["", ""])
        else:
            self.skip_if_shipped("stream_cancel")
            kind, text, count = self.call(stream(3), mode="cancel")
            self.assertEqual((kind, count), ("TritonModelException", 4))
            self.assertStartsWith(text, "Cancelling a request to another model needs Triton 25.04 or newer; ")
            self.assertIn(harness.release(), text)

    def test_line_56_no_leak(self) -> None:
        self.skip_if_shipped("streams_in_threads")

        def hammer() -> int:
            for _ in range(50):
                for mode in ("all", "early", "unread", "reversed", "threads"):
                    self.call(stream(3, "a"), stream(2, "b"), stream(1, errors=[0], final=True), mode=mode)
            return self.free()

        self.assertSameFree(hammer(), hammer())


if __name__ == "__main__":
    absltest.main()
