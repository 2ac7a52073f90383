"""Spec 8.4, lines 41 and 42: requests to other models and what comes back."""

from typing import Any

import numpy as np
from absl.testing import absltest, parameterized

from tests.conformance import bls, harness
from tests.conformance.bls import plan
from tests.conformance.repository import Model

_DTYPES = ["bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32"]
_TRITON = {"bool": "BOOL", "float16": "FP16", "float32": "FP32"}
_OUTPUTS = {"RESULT", "EMPTY", "NUMBERS", "TEXTS"}


def _identity(dtype: str) -> Model:
    triton = _TRITON.get(dtype, dtype.upper())
    return Model("identity", f"identity_{dtype}", [f"IN {triton} -1,-1"], [f"OUT {triton} -1,-1"])


class CallsTest(bls.BlsTest):
    MODELS = [
        Model("bls"),
        bls.TARGET,
        Model("bls", "forward", ["IN FP32 -1", "IN2 STRING -1"], ["OUT FP32 -1", "OUT2 STRING -1"]),
        Model("identity", "two", ["IN FP32 -1", "IN2 STRING -1"], ["OUT FP32 -1", "OUT2 STRING -1"]),
        Model("bls", "chain", ["IN FP32 -1"], ["OUTT FP32 -1"]),
        Model("identity", "first", ["IN FP32 -1"], ["OUT FP32 -1"]),
        Model("identity", "second", ["OUT FP32 -1"], ["OUTT FP32 -1"]),
        *[_identity(dtype) for dtype in _DTYPES],
    ]

    @parameterized.parameters(*_DTYPES)
    def test_line_41_datatypes(self, dtype: str) -> None:
        for shape in ([2, 3], [1, 1], [0, 4]):
            values = np.arange(np.prod(shape)).astype(dtype).tolist()
            call = {"model": f"identity_{dtype}", "outputs": ["OUT"], "inputs": [["IN", dtype, shape, values]]}
            wanted = {"error": None, "code": None, "outputs": {"OUT": [dtype, shape, values]}}
            self.assertEqual(self.call(call), [wanted])

    def test_line_41_several_outputs(self) -> None:
        """One of them empty, one of BYTES; all of them if none is requested."""
        for requested in (tuple(_OUTPUTS), ()):
            (answer,) = self.call(plan(outputs=requested))
            self.assertIsNone(answer["error"])
            self.assertEqual(set(answer["outputs"]), _OUTPUTS)
            self.assertEqual(answer["outputs"]["EMPTY"], ["float32", [2, 0], []])
            self.assertEqual(answer["outputs"]["NUMBERS"], ["int64", [2, 3], [0, 1, 2, 3, 4, 5]])
            self.assertEqual(answer["outputs"]["TEXTS"], ["object", [3], ["", "a\0b", "\xff\xfe"]])

    def test_line_41_requested_output(self) -> None:
        (answer,) = self.call(plan(outputs=("NUMBERS",)))
        self.assertEqual(list(answer["outputs"]), ["NUMBERS"])

    def test_line_41_unknown_model(self) -> None:
        self.assertEqual(
            self.call_error({"model": "nobody"}),
            "Model nobody - Error when running inference: Failed for execute the inference request. Model 'nobody' is "
            "not ready.",
        )

    @parameterized.parameters(
        (plan() | {"options": {"model_version": 7}}, "is not ready"),
        (plan() | {"inputs": []}, "expected 1 inputs but got 0"),
        (plan(outputs=("NONE",)), "NONE"),
        ({"model": "first", "outputs": ["OUT"], "inputs": [["IN", "int32", [1], [1]]]}, "data-type"),
        ({"model": "first", "outputs": ["OUT"], "inputs": [["IN", "float32", [1, 1], [1]]]}, "shape"),
        ({"model": ""}, "not ready"),
    )
    def test_line_41_wrong_request(self, call: dict[str, Any], words: str) -> None:
        self.assertIn(words, self.call_error(call))

    def test_line_41_model_version(self) -> None:
        self.assertIsNone(self.call(plan() | {"options": {"model_version": 1}})[0]["error"])

    def test_line_41_model_error(self) -> None:
        self.assertIn("message: ValueError: target boom", self.call_error(plan(failure="target boom")))

    @parameterized.parameters("NOT_FOUND", "UNAVAILABLE", "CANCELLED", "INTERNAL")
    def test_line_41_error_codes(self, code: str) -> None:
        (answer,) = self.call(plan(error="grüße 💥", code=code))
        self.assertIn("grüße 💥", answer["error"])
        self.assertEqual(answer["code"], code if harness.release() >= "25.04" else "INTERNAL")
        self.assertEqual(answer["outputs"], {})

    @parameterized.parameters(1, 1000, 3_000_000)
    def test_line_42_forwarded_tensors(self, size: int) -> None:
        inputs = {"IN": np.arange(size, dtype=np.float32), "IN2": np.array([b"a", b"", b"c\xff"], np.object_)}
        got = self.infer("forward", inputs, ["OUT", "OUT2"], {"mode": "forward", "model": "two"})
        self.assertSameArray(got["OUT"], inputs["IN"])
        self.assertSameArray(got["OUT2"], inputs["IN2"])

    def test_line_42_chain(self) -> None:
        data = np.arange(100_000, dtype=np.float32)
        for _ in range(10):
            got = self.infer("chain", {"IN": data}, ["OUTT"], {"mode": "forward", "model": "first second"})
            self.assertSameArray(got["OUTT"], data)

    def test_line_42_kept_responses(self) -> None:
        """Outputs stay what they were while the region is used for others."""
        values = [[float(number)] * 100 for number in range(20)]
        for value in values:
            inputs = [["IN", "float32", [100], value]]
            self.call({"model": "first", "outputs": ["OUT"], "inputs": inputs}, mode="keep")
            self.call(plan())
        answers = self.ask("bls", "drop")
        self.assertEqual([answer["outputs"]["OUT"][2] for answer in answers], values)

    def test_line_56_no_leak(self) -> None:
        def hammer() -> int:
            for _ in range(100):
                good = plan(outputs=tuple(_OUTPUTS))
                self.call(good, {"model": "nobody"}, plan(error="no", code="INTERNAL"), plan(failure="boom"))
                parameters = {"mode": "forward", "model": "first second"}
                self.infer("chain", {"IN": np.ones(5, np.float32)}, ["OUTT"], parameters)
            return self.free()

        self.assertSameFree(hammer(), hammer())


if __name__ == "__main__":
    absltest.main()
