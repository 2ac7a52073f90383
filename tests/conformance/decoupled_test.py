"""Spec 8.3, lines 32 to 35, 39 and 40: decoupled models."""

import concurrent.futures
import time

import grpc
from absl.testing import absltest, parameterized

from tests.conformance import harness, streaming
from tests.conformance.repository import Model

# Before 24.06 neither the server nor the stub puts one before the errors of decoupled models.
_PREFIX = "" if harness.release() < "24.06" else "Failed to process the request(s) for model 'decoupled_0_0', message: "
_CLOSED = "Unable to send response. Response sender has been closed."


class DecoupledTest(streaming.StreamTest):
    MODELS = [Model("sender", "decoupled", config=streaming.DECOUPLED)]

    @parameterized.parameters(
        ("final", ["final"]),
        ("last:1", ["1 final"]),
        ("send:1 final", ["1", "final"]),
        ("send:1 send:2 last:3", ["1", "2", "3 final"]),
        ("many:1000 final", [*map(str, range(1000)), "final"]),
        ("large:3000000 last:1", ["x" * 3_000_000, "1 final"]),
        ("error:no send:1 error:no final", ["error: no", "1", "error: no", "final"]),
        ("send:1 last_error:no", ["1", "error: no final"]),
        ("later final", ["final"]),
        ("later send:1 last:2", ["1", "2 final"]),
        ("send:1 later send:2 error:no final", ["1", "2", "error: no", "final"]),
    )
    def test_line_32_responses(self, steps: str, wanted: list[str]) -> None:
        self.assertEqual(self.stream("decoupled", steps), wanted)
        self.assertEqual(self.refused("decoupled"), [])

    def test_line_32_others_are_served_meanwhile(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            slow = pool.submit(self.stream, "decoupled", "send:1 later sleep:1 last:2")
            time.sleep(0.3)
            self.assertEqual(self.stream("decoupled", "last:3"), ["3 final"])
            self.assertFalse(slow.done())
            self.assertEqual(slow.result(), ["1", "2 final"])

    def test_line_32_threads_with_one_sender(self) -> None:
        """No response is lost, and those of a thread keep their order."""
        self.skip_if_shipped("concurrent_sends")
        got = self.stream("decoupled", "threads:8 final")
        self.assertEqual(got.pop(), "final")
        self.assertCountEqual(got, map(str, range(800)))
        for thread in range(8):
            mine = [int(value) for value in got if int(value) // 100 == thread]
            self.assertEqual(mine, sorted(mine))

    @parameterized.parameters(
        ("raise:boom", []), ("send:1 raise:boom", ["1"]), ("send:1 send:2 raise:boom", ["1", "2"])
    )
    def test_line_33_exception(self, steps: str, before: list[str]) -> None:
        got = self.stream("decoupled", steps)
        self.assertEqual(got[:-1], before)
        self.assertStartsWith(got[-1], f"error: {_PREFIX}ValueError: boom\n\nAt:\n  {self.repository}/decoupled/1/")
        self.assertEndsWith(got[-1], "): execute\n final")
        self.assertEqual(self.stream("decoupled", "last:2"), ["2 final"])

    @parameterized.parameters(("last:1", ["1 final"]), ("send:1 final", ["1", "final"]), ("final", ["final"]))
    def test_line_33_exception_after_final(self, steps: str, wanted: list[str]) -> None:
        """Nobody is left to hear of it."""
        for _ in range(20):
            self.assertEqual(self.stream("decoupled", f"{steps} raise:boom"), wanted)
        self.assertEqual(self.stream("decoupled", "last:2"), ["2 final"])

    def test_line_35_misuse(self) -> None:
        self.skip_if_shipped("order_of_checks", before="24.06")
        steps = "flag:2 nothing send:1 flag:5 nothing last:2 send:3 last:4 final flag:2 nothing"
        self.assertEqual(self.stream("decoupled", steps), ["1", "2 final"])
        flag = "Unable to send response. Unsupported flag provided."
        nothing = "Inference Response object must be provided when the response flags is set to zero."
        self.assertEqual(self.refused("decoupled"), [flag, nothing, flag, nothing, *[_CLOSED] * 3, flag, nothing])

    @parameterized.parameters(
        ("return:1", []), ("send:1 return:2", ["1"]), ("send:1 return_error:no", ["1"]), ("return_error:no", [])
    )
    def test_line_39_result(self, steps: str, before: list[str]) -> None:
        text = "Python model 'decoupled_0_0' is using the decoupled mode and the execute function must return None."
        self.assertEqual(self.stream("decoupled", steps), [*before, f"error: {_PREFIX}{text} final"])

    def test_line_39_result_after_final(self) -> None:
        self.assertEqual(self.stream("decoupled", "last:1 return:2"), ["1 final"])

    def test_line_55_cancelled_by_the_client(self) -> None:
        with self.assertRaises(grpc.RpcError):
            self.stream("decoupled", "until_cancelled", seconds=0.5)
        # The model has but one thread for requests: this one comes after the end of the cancelled one.
        self.assertEqual(self.refused("decoupled"), ["cancelled: True", "after final: True"])

    def test_line_56_leaves_nothing(self) -> None:
        self.stream("decoupled", "large:300000 threads:2 final")
        free = self.free("decoupled")
        for steps in ("final", "many:10 last:1", "large:100000 raise:boom", "last:1 raise:boom", "later send:1 final"):
            for _ in range(20):
                self.stream("decoupled", steps)
        self.assertSameFree(free, self.free("decoupled"))


@harness.needs_release("24.04", "`async def execute` of decoupled models")
class AsyncTest(streaming.StreamTest):
    MODELS = [Model("async_sender", config=streaming.DECOUPLED)]

    def test_line_34_responses(self) -> None:
        self.assertEqual(self.stream("async_sender", mode="steps"), ["early", "late", "final"])

    def test_line_34_is_not_awaited(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(self.stream, "async_sender", mode="wait")
            time.sleep(0.3)
            self.assertEqual(self.stream("async_sender", mode="notify"), ["notified final"])
            self.assertEqual(waiting.result(), ["waited final"])

    def test_line_34_exception(self) -> None:
        """The log has it, with its traceback; the model lives on."""
        self.assertEqual(self.stream("async_sender", mode="raise"), ["before final"])
        harness.wait_for(lambda: "ValueError: coroutine boom" in self.server.log_text(), "the exception in the log")
        self.assertRegex(self.server.log_text(), r"(?s)Traceback \(most recent call last\):.*model\.py.*coroutine boom")
        self.assertEqual(self.stream("async_sender", mode="steps"), ["early", "late", "final"])

    def test_line_34_many(self) -> None:
        free = self.free("async_sender", mode="free")
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            got = list(pool.map(lambda mode: self.stream("async_sender", mode=mode), ["steps"] * 60 + ["raise"] * 4))
        self.assertEqual(got, [["early", "late", "final"]] * 60 + [["before final"]] * 4)
        # Which thread frees a request, and so when, is chance; a leak is at least a hundred bytes a request.
        self.assertAlmostEqual(free, self.free("async_sender", mode="free"), delta=1024)


class PoolTest(streaming.StreamTest):
    MODELS = [Model("sender", "decoupled", config=streaming.DECOUPLED)]
    SERVER_ARGS = ["--backend-config=python,thread-pool-size=1"]

    def test_line_40_many_senders(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            got = list(pool.map(lambda _: self.stream("decoupled", "later many:20 last:end"), range(64)))
        self.assertEqual(got, [[*map(str, range(20)), "end final"]] * 64)


if __name__ == "__main__":
    absltest.main()
