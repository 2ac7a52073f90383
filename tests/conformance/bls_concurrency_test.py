"""Spec 8.4, lines 43, 44, 49 and 50: requests to other models from threads, coroutines and places of all kinds."""

import json
import time
from typing import Any

from absl.testing import absltest, parameterized

from tests.conformance import bls, harness
from tests.conformance.bls import plan
from tests.conformance.repository import Model

_ONLY = "BLS is only supported during the 'execute' function."
_PLACES = ["initialize", "initialize_decoupled"]


def _early(place: str) -> Model:
    return Model("bls_early", f"early_{place}", parameters={"place": place})


class BlsConcurrencyTest(bls.BlsTest):
    # The fewest threads for requests to other models: they wait for each other, but not for ever.
    SERVER_ARGS = ["--backend-config=python,thread-pool-size=2"]
    MODELS = [
        Model("bls"),
        bls.TARGET,
        Model("bls_target", "slow", inputs=bls.TARGET.inputs, config="instance_group { kind: KIND_CPU count: 2 }\n"),
        *[Model("bls_target", name, inputs=bls.TARGET.inputs) for name in ("one", "two", "three")],
        Model(
            "bls_coroutine",
            "bls_decoupled",
            inputs=["PLAN STRING 1"],
            config="model_transaction_policy { decoupled: true }\n",
        ),
        Model("bls_coroutine", inputs=["PLAN STRING 1"]),
        Model("bls_stream"),
        _early("finalize"),
    ]

    @parameterized.parameters("gather", "threads")
    def test_line_43_at_once(self, mode: str) -> None:
        for _ in range(5):
            answers = self.call(*[plan(number=number) for number in range(20)], mode=mode)
            self.assertEqual([bls.result(answer)["plan"]["number"] for answer in answers], list(range(20)))

    @parameterized.parameters("gather", "threads")
    def test_line_43_errors_among_others(self, mode: str) -> None:
        calls = [plan(number=1), {"model": "nobody"}, plan(error="no", code="INTERNAL"), plan(number=2)] * 5
        answers = self.call(*calls, mode=mode)
        self.assertEqual([answer["error"] is None for answer in answers], [True, False, False, True] * 5)

    @parameterized.parameters("gather", "threads")
    def test_line_43_side_by_side(self, mode: str) -> None:
        """Two slow ones take as long as one."""
        start = time.monotonic()
        answers = self.call(*[plan("slow", seconds=1)] * 2, mode=mode)
        self.assertLess(time.monotonic() - start, 1.7)
        self.assertEqual([answer["error"] for answer in answers], [None, None])

    def test_line_43_needs_a_loop(self) -> None:
        self.assertEqual(self.ask("bls", "no_loop", calls=json.dumps([plan()])), "no running event loop")

    def test_line_43_coroutine(self) -> None:
        """From `async def execute`."""
        (answer,) = self.call(plan("bls_coroutine", count=20))
        self.assertEqual(bls.result(answer), list(range(20)))

    @harness.needs_release("24.04", "requests to other models from decoupled coroutines")
    def test_line_43_decoupled_coroutine(self) -> None:
        stream = self.ask("bls_stream", "all", calls=json.dumps([plan("bls_decoupled", count=20)]))[0]
        self.assertEqual(bls.result(stream[0]), list(range(20)))
        self.assertEqual(len(stream), 2)

    @parameterized.parameters(*_PLACES)
    def test_line_44_initialize(self, place: str) -> None:
        start = time.monotonic()
        self.assertIn(_ONLY, self.load_error(_early(place)))
        self.assertLess(time.monotonic() - start, 10)

    def test_line_44_finalize(self) -> None:
        self.unload("early_finalize")
        self.assertIn(f"finalize was told: {_ONLY}", self.server.log_text())

    def test_line_49_itself(self) -> None:
        """The other instance answers."""
        for _ in range(20):
            (answer,) = self.call(plan("slow", ask=plan("slow", number=7)))
            self.assertEqual(bls.result(bls.result(answer)["answer"])["plan"], {"number": 7})

    def test_line_49_deep(self) -> None:
        """Each model asks the next; the last fails."""
        last: dict[str, Any] = plan("three", error="deep down", code="INTERNAL")
        for call, wanted in ((plan("three", number=3), None), (last, "deep down")):
            (answer,) = self.call(plan("one", ask=plan("two", ask=call)))
            inner = bls.result(bls.result(answer)["answer"])["answer"]
            self.assertEqual(inner["error"], wanted)

    def test_line_49_deep_and_wide(self) -> None:
        calls = [plan("one", ask=plan("two", ask=plan("three", number=number))) for number in range(20)]
        for number, answer in enumerate(self.call(*calls, mode="threads")):
            inner = bls.result(bls.result(bls.result(answer)["answer"])["answer"])
            self.assertEqual(inner["plan"], {"number": number})

    def test_line_50_after_execute(self) -> None:
        """Before 24.06 nobody would answer: then it must be an error, not a hang."""
        if harness.release() < "24.06":
            self.skip_if_shipped("bls_after_execute")
        self.call(plan(number=5), mode="background")
        seen: list[Any] = []

        def told() -> bool:
            seen[:] = self.call(mode="background_result")
            time.sleep(0.1)
            return bool(seen)

        time.sleep(0.5)
        harness.wait_for(told, "the thread")
        if harness.release() >= "24.06":
            self.assertEqual(bls.result(seen[0])["plan"], {"number": 5})
        else:
            self.assertEqual(seen, [_ONLY])


class BlsAutoCompleteTest(harness.ServerTest):
    AUTO_COMPLETE = True

    def test_line_44_auto_complete(self) -> None:
        self.assertIn(_ONLY, self.load_error(_early("auto_complete")))


if __name__ == "__main__":
    absltest.main()
