"""Spec 7.3: outputs that are the arrays of inputs go out without a copy, and nobody else who has them notices."""

import concurrent.futures
import random
from typing import Any

import numpy as np
import tritonclient.grpc as grpcclient
from absl.testing import absltest, parameterized

from tests.conformance import harness, streaming
from tests.conformance.repository import Model

# The server puts the data right behind the name: the length decides whether they are aligned (spec section 3.5).
_NAMES = {"eight": "INPUT__0", "sixteen": "SIXTEEN_LETTERS_", "misaligned": "IN"}
_KILLS = 30


def _model(name: str, config: str = "") -> Model:
    batched = name.startswith("eight")
    dims = "-1" if batched else "-1,-1"
    outputs = [f"OUT FP32 {dims}", f"MORE FP32 {dims}", "RESULT STRING 1"]
    return Model(
        "lending",
        name,
        [f"{_NAMES[name.split('_')[0]]} FP32 {dims}"],
        outputs,
        max_batch_size=8 if batched else 0,
        config=config,
    )


def _data(columns: int = 50_000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((1, columns), np.float32)


class LendingTest(harness.ServerTest):
    MODELS = [
        _model("eight"),
        _model("eight_target"),
        _model("sixteen"),
        _model("sixteen_target"),
        _model("misaligned"),
        _model("misaligned_target"),
        _model("eight_stream", streaming.DECOUPLED),
        _model("sixteen_stream", streaming.DECOUPLED),
    ]

    def _ask(self, model: str, mode: str, data: np.ndarray, **parameters: Any) -> dict[str, np.ndarray]:
        inputs = {_NAMES[model.split("_")[0]]: data}
        return self.infer(model, inputs, ["OUT", "MORE"], {"mode": mode, **parameters})

    def _used(self, model: str) -> int:
        return self.used_bytes(model, {_NAMES[model.split("_")[0]]: np.zeros((1, 1), np.float32)})

    @parameterized.product(
        model=list(_NAMES),
        mode=["twice", "views", "written", "kept", "kept_responses", "dlpack", "asked_after", "asked_before"],
    )
    def test_answers(self, model: str, mode: str) -> None:
        """The same, request after request, and nothing is lost."""

        def answers() -> int:
            before = None
            for seed in range(12):
                data = _data(seed=seed)
                got = self._ask(model, mode, data, target=f"{model}_target")
                wanted = data + np.float32(1) if mode == "written" else data
                more = wanted[..., :10] if mode == "views" else wanted
                if mode == "kept" and before is not None:
                    more = before
                before = data
                self.assertSameArray(got["OUT"], wanted)
                self.assertSameArray(got["MORE"], more)
            self.infer(model, {_NAMES[model]: np.zeros((1, 1), np.float32)}, ["RESULT"], {"mode": "drop"})
            return self._used(model)

        self.assertSameFree(answers(), answers())

    @parameterized.parameters("eight", "sixteen")
    def test_stream(self, name: str) -> None:
        """A sent response is what the array was when it was sent."""
        data = _data()
        model = f"{name}_stream"
        answers: list[np.ndarray] = []
        done = concurrent.futures.Future[None]()

        def take(result: grpcclient.InferResult | None, error: Exception | None) -> None:
            if error is not None or result is None:
                done.set_exception(error or ValueError("no result"))
                return
            answers.append(result.as_numpy("OUT").copy())
            if len(answers) == 5:
                done.set_result(None)

        with grpcclient.InferenceServerClient(self.server.grpc_url) as client:
            client.start_stream(take)
            client.async_stream_infer(
                model,
                harness.tensors({_NAMES[name]: data}),
                outputs=[grpcclient.InferRequestedOutput("OUT")],
                parameters={"mode": "sent"},
            )
            done.result(harness.REQUEST_SECONDS)
            client.stop_stream()
        for number, answer in enumerate(answers):
            data[..., 0] = number
            self.assertSameArray(answer, data)

    @parameterized.parameters("eight", "sixteen")
    def test_line_63_dies_with_lent_memory(self, name: str) -> None:
        """At any time around the moment when the server takes the data; neither memory nor the server is lost."""
        if harness.differences.applies("supervision"):
            self.skipTest(harness.differences.TABLE["supervision"])
        chance = random.Random(3)
        data = _data(2_000_000)

        def deaths(count: int) -> int:
            for _ in range(count):
                try:
                    got = self._ask(name, "dies", data, seconds=str(chance.uniform(0, 0.01)))
                    self.assertSameArray(got["OUT"], data)
                except harness.InferenceServerException as error:
                    self.assertRegex(str(error.message()), "killed by signal 9|is not healthy")
                try:
                    self.assertSameArray(self._ask(name, "twice", data)["MORE"], data)
                except harness.InferenceServerException as error:  # the timer of the request before
                    self.assertRegex(str(error.message()), "killed by signal 9|is not healthy")
            return self._used(name)

        used = deaths(5)
        # A timer may strike between the two; a chunk that was lost would be 8 MB each time.
        self.assertLess(deaths(_KILLS), used + 2 * data.nbytes)


if __name__ == "__main__":
    absltest.main()
