"""Spec 8.2, line 22: BYTES tensors."""

import json
import time

import numpy as np
from absl.testing import absltest, parameterized

from tests.conformance import harness
from tests.conformance.repository import Model


def _array(*elements: bytes) -> np.ndarray:
    return np.array(elements, np.object_)


_CASES = {
    "one": _array(b"text"),
    "empty_strings": _array(b"", b"", b"a", b""),
    "only_an_empty_string": _array(b""),
    "embedded_nul": _array(b"a\0b", b"\0", b"\0\0\0", b"end\0"),
    "not_utf8": _array(b"\xff\xfe", bytes(range(256)), b"\xc3\x28"),
    "utf8": _array("grüße".encode(), "💥".encode()),
    "long": _array(b"x" * 1_000_000, b"y", b"z" * 65_536),
    "no_elements": _array(),
}


class BytesTest(harness.ServerTest):
    MODELS = [
        Model("bytes", inputs=["DATA STRING -1"], outputs=["OUT STRING -1", "RESULT STRING 1"]),
        Model("bytes", "matrix", inputs=["DATA STRING -1,-1"], outputs=["OUT STRING -1,-1", "RESULT STRING 1"]),
    ]

    def _out(self, mode: str, data: np.ndarray | None = None, model: str = "bytes", **parameters: object) -> np.ndarray:
        inputs = {"DATA": _array(b"x") if data is None else data}
        return self.infer(model, inputs, ["OUT"], {"mode": mode, **parameters})["OUT"]

    @parameterized.named_parameters(_CASES.items())
    def test_line_22_echo(self, array: np.ndarray) -> None:
        self.assertSameArray(self._out("echo", array), array)

    @parameterized.named_parameters(_CASES.items())
    def test_line_22_what_the_model_sees(self, array: np.ndarray) -> None:
        answer = self.infer("bytes", {"DATA": array}, parameters={"mode": "describe"})
        self.assertEqual(
            json.loads(answer["RESULT"][0]),
            {"dtype": "object", "shape": [len(array)], "elements": [["bytes", one.hex()] for one in array]},
        )

    @parameterized.parameters(((2, 3),), ((3, 0),), ((1, 1),))
    def test_line_22_matrix(self, shape: tuple[int, int]) -> None:
        count = int(np.prod(shape))
        array = np.array([b"%d" % index for index in range(count)], np.object_).reshape(shape)
        self.assertSameArray(self._out("echo", array, "matrix"), array)

    def test_line_22_view_of_an_input(self) -> None:
        self.assertSameArray(self._out("forward", _array(b"a", b"bb", b"")), _array(b"", b"bb", b"a"))

    @parameterized.named_parameters(
        # NumPy itself drops the NULs at the end of a fixed-length string.
        ("fixed", "fixed", _array(b"abc", b"d", b"", b"e")),
        ("mixed", "mixed", _array(b"1", b"2.5", b"None", "é".encode(), b"\xff\0", b"True", "printed é".encode())),
        ("empty", "empty", _array()),
        ("empty_fixed", "empty_fixed", _array()),
    )
    def test_line_22_made_by_the_model(self, mode: str, wanted: np.ndarray) -> None:
        self.assertSameArray(self._out(mode), wanted)

    def test_line_22_fixed_length_matrix(self) -> None:
        got = self._out("fixed_matrix", _array(b"x").reshape(1, 1), "matrix")
        self.assertSameArray(got, np.array([[b"a", b"bb"], [b"ccc", b""]], np.object_))

    def test_line_22_unicode_arrays_are_refused(self) -> None:
        error = self.infer_error("bytes", {"DATA": _array(b"x")}, ["OUT"], {"mode": "unicode"})
        self.assertIn("NumPy dtype is not supported.", error.message())

    def test_line_22_100000_elements(self) -> None:
        array = np.array([b"%d" % index for index in range(100_000)], np.object_)
        start = time.monotonic()
        self.assertSameArray(self._out("echo", array), array)
        self.assertSameArray(self._out("many", count=100_000), array)
        self.assertLess(time.monotonic() - start, 10)

    def test_line_56_no_leak(self) -> None:
        array = _array(b"", b"abc", b"\xff" * 100)
        for count in (20, 500):
            free = self.free_bytes("bytes", {"DATA": _array(b"x")})
            for _ in range(count):
                self._out("echo", array)
        self.assertSameFree(free, self.free_bytes("bytes", {"DATA": _array(b"x")}))


if __name__ == "__main__":
    absltest.main()
