"""Spec 8.2, lines 24 and 25: output arrays of every layout, and outputs that were not asked for or are wrong."""

import json

import numpy as np
from absl.testing import absltest, parameterized

from tests.conformance import harness
from tests.conformance.repository import Model

_MATRIX = np.arange(12, dtype=np.float32).reshape(3, 4)
_OUTPUTS = ["OUT FP32 -1,-1", "MORE FP32 -1,-1", "RESULT STRING 1"]


class OutputsTest(harness.ServerTest):
    MODELS = [
        Model("outputs", inputs=["IN FP32 -1,-1"], outputs=_OUTPUTS),
        Model("outputs", "same_name", inputs=["OUT FP32 -1,-1"], outputs=_OUTPUTS),
        Model(
            "outputs",
            "batched",
            inputs=["IN FP32 4"],
            outputs=["OUT FP32 4", "RESULT STRING 1"],
            max_batch_size=8,
            config="dynamic_batching { max_queue_delay_microseconds: 300000 preferred_batch_size: [ 6 ] }",
        ),
    ]

    def _ask(self, mode: str, *outputs: str) -> dict[str, np.ndarray]:
        return self.infer("outputs", {"IN": _MATRIX}, outputs or ("OUT",), {"mode": mode})

    @parameterized.named_parameters(
        ("contiguous", "plain", _MATRIX),
        ("strided", "strided", np.arange(48, dtype=np.float32).reshape(6, 8)[::2, ::2]),
        ("fortran", "fortran", _MATRIX),
        ("transposed", "transposed", _MATRIX.T),
        ("negative_stride", "negative", _MATRIX[::-1, ::-1]),
        ("read_only", "read_only", _MATRIX),
        ("broadcast", "broadcast", np.broadcast_to(np.arange(4, dtype=np.float32), (3, 4))),
        ("unaligned", "offset", _MATRIX),
        ("an_input_array", "input", _MATRIX),
    )
    def test_line_24_arrays(self, mode: str, wanted: np.ndarray) -> None:
        self.assertSameArray(self._ask(mode)["OUT"], wanted)

    def test_line_24_an_input_tensor(self) -> None:
        got = self.infer("same_name", {"OUT": _MATRIX}, ["OUT"], {"mode": "input_tensor"})
        self.assertSameArray(got["OUT"], _MATRIX)

    def test_line_24_one_tensor_in_two_responses(self) -> None:
        inputs = [{"IN": np.zeros((3, 4), np.float32)}] * 2
        for answer in self.infer_all("batched", inputs, ["OUT"], [{"mode": "shared_tensor"}] * 2):
            self.assertSameArray(answer["OUT"], _MATRIX)

    def test_line_25_only_requested_outputs_come(self) -> None:
        both = self._ask("all", "OUT", "MORE")
        self.assertSameArray(both["OUT"], _MATRIX)
        self.assertSameArray(both["MORE"], _MATRIX + 1)
        for name, wanted in (("OUT", _MATRIX), ("MORE", _MATRIX + 1)):
            got = self._ask("all", name)
            self.assertEqual(list(got), [name])
            self.assertSameArray(got[name], wanted)

    def test_line_25_all_are_requested_if_none_is_named(self) -> None:
        answer = self.infer("outputs", {"IN": _MATRIX}, [], {"mode": "requested"})
        self.assertEqual(json.loads(answer["RESULT"][0]), ["MORE", "OUT", "RESULT"])

    def test_line_25_unknown_output_is_dropped(self) -> None:
        self.assertEqual(list(self._ask("unknown")), ["OUT"])

    def test_line_25_wrong_datatype_passes(self) -> None:
        self.assertSameArray(self._ask("wrong_dtype")["OUT"], _MATRIX.astype(np.float64))

    def test_line_25_missing_output(self) -> None:
        self.assertEqual(self._ask("missing"), {})

    def test_wrong_byte_order_is_no_silent_garbage(self) -> None:
        try:
            got = self._ask("big_endian")["OUT"]
        except harness.InferenceServerException as error:
            self.assertIn("dtype", error.message())
        else:
            self.assertSameArray(got, _MATRIX)


if __name__ == "__main__":
    absltest.main()
