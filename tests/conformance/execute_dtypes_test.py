"""Spec 8.2, lines 19, 20 (names) and 56: every datatype and shape comes back as it went."""

import json
from collections.abc import Sequence

import numpy as np
import tritonclient.http as httpclient
from absl.testing import absltest, parameterized

from tests.conformance import harness
from tests.conformance.repository import Model

_DTYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "STRING": np.object_,
}


def _identity(name: str, dims: str, max_batch_size: int = 0, config: str = "") -> Model:
    options = "" if " " in dims else " optional"
    return Model(
        "identity",
        name,
        inputs=[f"IN_{dtype} {dtype} {dims}{options}" for dtype in _DTYPES],
        outputs=[f"OUT_{dtype} {dtype} {dims}" for dtype in _DTYPES] + (["COUNT INT32 1"] if max_batch_size else []),
        max_batch_size=max_batch_size,
        config=config,
    )


def _scalar(dtype: str) -> Model:
    name, inputs, outputs = f"scalar_{dtype}", [f"IN_{dtype} {dtype} 1 scalar"], [f"OUT_{dtype} {dtype} 1 scalar"]
    return Model("identity", name, inputs, outputs, max_batch_size=8)


def values(dtype: str, shape: Sequence[int]) -> np.ndarray:
    """An array with the datatype's ends, and what is special in it."""
    count = int(np.prod(shape))
    kind = _DTYPES[dtype]
    if dtype == "STRING":
        pool = [b"text", b"", b"\0\xff", "é💥".encode()]
        return np.array([pool[index % 4] for index in range(count)], np.object_).reshape(shape)
    if dtype == "BOOL":
        special = np.array([True, False, False])
    elif dtype.startswith("FP"):
        info = np.finfo(kind)
        special = np.array([1.5, info.max, info.min, info.tiny, np.nan, np.inf, -np.inf, -0.0], kind)
    else:
        info = np.iinfo(kind)
        special = np.array([info.max, info.min, 1], kind)
    return np.resize(special, count).reshape(shape).astype(kind) if count else np.zeros(shape, kind)


class ExecuteDtypesTest(harness.ServerTest):
    MODELS = [
        _identity("rank1", "-1"),
        _identity("rank3", "-1,-1,-1"),
        _identity("rank5", "-1,-1,-1,-1,-1"),
        _identity("batched", "-1", max_batch_size=8),
        _identity("dynamic", "-1", 8, "dynamic_batching { max_queue_delay_microseconds: 300000 }"),
        _scalar("FP32"),
        _scalar("INT64"),
        _scalar("STRING"),
        Model(
            "names",
            inputs=[f"{'n' * length} FP64 {3 + length}" for length in range(1, 18)],
        ),
    ]

    def _check(self, model: str, dtype: str, shape: Sequence[int]) -> None:
        array = values(dtype, shape)
        got = self.infer(model, {f"IN_{dtype}": array}, [f"OUT_{dtype}"])
        self.assertSameArray(got[f"OUT_{dtype}"], array)

    @parameterized.parameters(*_DTYPES)
    def test_line_19_shapes(self, dtype: str) -> None:
        for model, shape in [
            ("rank1", (1,)),
            ("rank1", (0,)),
            ("rank1", (8,)),
            ("rank1", (1000,)),
            ("rank3", (3, 0, 2)),
            ("rank3", (2, 3, 4)),
            ("rank5", (1, 2, 3, 2, 1)),
            ("batched", (1, 5)),
            ("batched", (8, 3)),
            ("batched", (8, 0)),
        ]:
            with self.subTest(model=model, shape=shape):
                self._check(model, dtype, shape)

    @parameterized.parameters("FP32", "INT64", "STRING")
    def test_line_19_no_dimension(self, dtype: str) -> None:
        # The server's `reshape` takes the one dimension away before the model sees the tensor, and adds it afterwards;
        # it allows that for batches only.
        self._check(f"scalar_{dtype}", dtype, (1, 1))
        self._check(f"scalar_{dtype}", dtype, (8, 1))

    def test_line_19_all_types_in_one_request(self) -> None:
        arrays = {dtype: values(dtype, (4, 7)) for dtype in _DTYPES}
        got = self.infer(
            "batched",
            {f"IN_{dtype}": array for dtype, array in arrays.items()},
            [f"OUT_{dtype}" for dtype in arrays],
        )
        for dtype, array in arrays.items():
            self.assertSameArray(got[f"OUT_{dtype}"], array)

    def test_line_19_dynamic_batching(self) -> None:
        """Requests that arrive together are executed in one call, each with its own answer."""
        arrays = [np.full((1 + index % 3, 2), index, np.float32) for index in range(6)]
        answers = self.infer_all("dynamic", [{"IN_FP32": array} for array in arrays], ("OUT_FP32", "COUNT"))
        self.assertAnswered(answers)
        counts = []
        for answer, array in zip(answers, arrays, strict=True):
            self.assertSameArray(answer["OUT_FP32"], array)
            counts.extend(answer["COUNT"].ravel().tolist())
        self.assertGreater(max(counts), 1, "no call had several requests")

    def test_line_19_http(self) -> None:
        """The same through HTTP, binary and JSON."""
        with httpclient.InferenceServerClient(self.server.http_url) as client:
            for dtype in ("FP32", "INT64", "BOOL", "STRING"):
                array = (
                    np.array([b"a", b"", "é".encode()], np.object_)
                    if dtype == "STRING"
                    else np.arange(3).astype(_DTYPES[dtype])
                )
                triton = "BYTES" if dtype == "STRING" else dtype
                for binary in (True, False):
                    one = httpclient.InferInput(f"IN_{dtype}", [3], triton)
                    one.set_data_from_numpy(array, binary_data=binary)
                    wanted = httpclient.InferRequestedOutput(f"OUT_{dtype}", binary_data=binary)
                    got = client.infer("rank1", [one], outputs=[wanted]).as_numpy(f"OUT_{dtype}")
                    if dtype == "STRING" and not binary:
                        # JSON has no bytes: the client makes text of them.
                        got = np.array([text.encode() if isinstance(text, str) else text for text in got], np.object_)
                    self.assertSameArray(got, array)

    def test_line_20_names_of_every_length(self) -> None:
        inputs = {"n" * length: np.full(3 + length, length, np.float64) for length in range(1, 18)}
        got = json.loads(self.infer("names", inputs)["RESULT"][0])
        for name, array in inputs.items():
            total, shape, aligned = got[name]
            self.assertEqual((total, shape), (array.sum(), list(array.shape)), name)
            self.assertTrue(aligned, name)


if __name__ == "__main__":
    absltest.main()
