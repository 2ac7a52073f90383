"""Spec 8.2, line 23, and 6.3: BF16 and every other datatype through DLPack; what tensors say of themselves."""

import json

import numpy as np
import tritonclient.grpc as grpcclient
from absl.testing import absltest, parameterized

from tests.conformance import harness
from tests.conformance.repository import Model

# Datatype -> (NumPy type, code of DLPack).
_DTYPES = {
    "BOOL": (np.bool_, 6),
    "UINT8": (np.uint8, 1),
    "UINT16": (np.uint16, 1),
    "UINT32": (np.uint32, 1),
    "UINT64": (np.uint64, 1),
    "INT8": (np.int8, 0),
    "INT16": (np.int16, 0),
    "INT32": (np.int32, 0),
    "INT64": (np.int64, 0),
    "FP16": (np.float16, 2),
    "FP32": (np.float32, 2),
    "FP64": (np.float64, 2),
}
_ALL = [*_DTYPES, "BF16", "STRING"]


class DlpackTest(harness.ServerTest):
    MODELS = [
        Model(
            "dlpack",
            inputs=[f"IN_{dtype} {dtype} -1,-1 optional" for dtype in _ALL],
            outputs=[f"OUT_{dtype} {dtype} -1,-1" for dtype in _ALL] + ["RESULT STRING 1"],
        ),
    ]

    def _echo(self, dtype: str, array: np.ndarray, mode: str) -> np.ndarray:
        return self.infer("dlpack", {f"IN_{dtype}": array}, [f"OUT_{dtype}"], {"mode": mode})[f"OUT_{dtype}"]

    def _raw(self, dtype: str, shape: list[int], data: bytes, output: str, mode: str) -> grpcclient.InferResult:
        one = grpcclient.InferInput(f"IN_{dtype}", shape, dtype)
        # The client makes BF16 of FP32 by itself; here the bytes matter.
        one._raw_content = data
        wanted = [grpcclient.InferRequestedOutput(output)]
        return self.client.infer("dlpack", [one], outputs=wanted, parameters={"mode": mode})

    @parameterized.product(dtype=[*_DTYPES], mode=["capsule", "object"])
    def test_line_23_there_and_back(self, dtype: str, mode: str) -> None:
        array = np.arange(6).reshape(2, 3).astype(_DTYPES[dtype][0])
        self.assertSameArray(self._echo(dtype, array, mode), array)

    @parameterized.parameters(*(dtype for dtype in _DTYPES if dtype != "BOOL"))
    def test_line_23_numpy_reads(self, dtype: str) -> None:
        array = np.arange(6).reshape(2, 3).astype(_DTYPES[dtype][0])
        self.assertSameArray(self._echo(dtype, array, "numpy"), array)

    @parameterized.parameters(*(dtype for dtype in _DTYPES if dtype != "BOOL"))
    def test_line_23_numpy_writes(self, dtype: str) -> None:
        self.skip_if_shipped("from_dlpack_numpy")
        array = np.arange(6).reshape(2, 3).astype(_DTYPES[dtype][0])
        self.assertSameArray(self._echo(dtype, array, "from_numpy"), array)

    @parameterized.parameters("capsule", "object")
    @harness.needs_release("24.08", "BF16")
    def test_line_23_bf16(self, mode: str) -> None:
        data = np.arange(6, dtype=np.uint16).tobytes()
        result = self._raw("BF16", [2, 3], data, "OUT_BF16", mode)
        self.assertEqual(result.get_response().raw_output_contents[0], data)
        self.assertEqual(result.get_output("OUT_BF16").datatype, "BF16")
        self.assertEqual(list(result.get_output("OUT_BF16").shape), [2, 3])

    def test_empty_tensor(self) -> None:
        array = np.zeros((0, 3), np.float32)
        self.assertSameArray(self._echo("FP32", array, "capsule"), array)

    @parameterized.parameters(*_DTYPES)
    def test_what_a_capsule_says(self, dtype: str) -> None:
        kind, code = _DTYPES[dtype]
        answer = self.infer("dlpack", {f"IN_{dtype}": np.zeros((2, 3), kind)}, parameters={"mode": "describe"})
        self.assertEqual(json.loads(answer["RESULT"][0]), self._description(dtype, code, np.dtype(kind).itemsize * 8))

    def test_line_23_what_a_bf16_capsule_says(self) -> None:
        self.skip_if_shipped("bf16", before="24.08")
        result = self._raw("BF16", [2, 3], bytes(12), "RESULT", "describe")
        self.assertEqual(json.loads(result.as_numpy("RESULT")[0]), self._description("BF16", 4, 16))

    @staticmethod
    def _description(dtype: str, code: int, bits: int) -> dict[str, object]:
        return {
            "name": f"IN_{dtype}",
            "shape": [2, 3],
            "cpu": True,
            "device": [1, 0],
            "raw_device": [1, 0],
            "code": code,
            "bits": bits,
            "lanes": 1,
            "raw_shape": [2, 3],
            "strides": False,
            "byte_offset": 0,
            "used": harness.ServerTest.by_stub("from_dlpack_numpy", "used_dltensor", "used_dlpack"),
            "again": [2, 3],
        }

    def test_errors(self) -> None:
        answer = self.infer("dlpack", {"IN_FP32": np.zeros((2, 3), np.float32)}, parameters={"mode": "errors"})
        errors = json.loads(answer["RESULT"][0])
        self.assertIsNone(errors["as_numpy"])
        self.assertIsNone(errors["to_dlpack"])
        kind = "TritonModelException"
        wanted = {
            "other_object": "Provided tensor is not supported. Tensor must be a DLPack capsule         or have ",
            "columns": "DLPack tensor is not contiguous. Only contiguous DLPack tensors that are stored in C-Order are "
            "supported.",
            "device": "DLDevice type 4 is not support by Python backend.",
            "empty_name": "Tensor name cannot be an empty string.",
        }
        for name, text in wanted.items():
            with self.subTest(name):
                self.assertEqual(errors[name][0], kind)
                self.assertStartsWith(errors[name][1], text)
        self.assertEqual(errors["triton_dtype"] is None, self.by_stub("triton_dtype", True, False))

    def test_errors_of_bytes(self) -> None:
        array = np.array([[b"a"]], np.object_)
        answer = self.infer("dlpack", {"IN_STRING": array}, parameters={"mode": "errors"})
        errors = json.loads(answer["RESULT"][0])
        self.assertEqual(
            errors["to_dlpack"], ["TritonModelException", "DLPack does not have support for string tensors."]
        )

    def test_line_23_bf16_has_no_numpy_form(self) -> None:
        self.skip_if_shipped("bf16", before="24.08")
        errors = json.loads(self._raw("BF16", [1, 1], bytes(2), "RESULT", "errors").as_numpy("RESULT")[0])
        text = "Tensor dtype is BF16 and cannot be converted to NumPy. Use to_dlpack() and from_dlpack() instead."
        self.assertEqual(errors["as_numpy"], ["TritonModelException", text])

    def test_rows_left_out(self) -> None:
        """Every second row is not contiguous: an error, never the wrong rows."""
        self.skip_if_shipped("from_dlpack_strides")
        error = self.infer_error("dlpack", {"IN_FP32": np.zeros((1, 1), np.float32)}, ["OUT_FP32"], {"mode": "strided"})
        self.assertIn("DLPack tensor is not contiguous.", error.message())


if __name__ == "__main__":
    absltest.main()
