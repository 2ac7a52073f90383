"""Spec 8.6, lines 57 to 61: tensors in GPU memory.

`DeviceTest` needs a device and, in the execution environment, PyTorch or CuPy. The others run everywhere: the stub
loads a driver whose device memory is host memory.

Environment: that of harness.py; FAKE_CUDA, the driver; GPU_PARENT, a program that acts as the server.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc as grpcclient
from absl.testing import absltest, parameterized

from tests.conformance import harness, repository, streaming
from tests.conformance.repository import Model

_OUTPUTS = ("A FP32 -1", "B FP32 -1", "C FP32 -1", "RESULT STRING 1")
_VALUES = np.arange(5, dtype=np.float32)


def _model(name: str, config: str = "", instances: str = "KIND_CPU", **parameters: str) -> Model:
    return Model(
        "device",
        name,
        inputs=["IN FP32 -1"],
        outputs=_OUTPUTS,
        config=f"{config} instance_group [ {{ kind: {instances} }} ]",
        parameters=parameters,
    )


class _GpuTest(harness.ServerTest):
    """What is the same with a device and with the fake driver."""

    def returned(self, model: str, mode: str = "return", **parameters: Any) -> list[Any]:
        """The outputs A, B and C."""
        outputs = self.infer(model, {"IN": _VALUES}, ["A", "B", "C"], {"mode": mode, **parameters})
        return [outputs[name] for name in "ABC"]

    def assertReturned(self, outputs: Sequence[np.ndarray]) -> None:
        """One output of each kind: on the device, on the device, on the CPU."""
        for got, wanted in zip(outputs, [_VALUES + 1, _VALUES * 2, _VALUES], strict=True):
            self.assertSameArray(got, wanted)

    def stream(self, model: str, count: int) -> list[list[np.ndarray]]:
        """The responses of a decoupled model that have outputs."""
        answers: queue.Queue[Any] = queue.Queue()
        one = grpcclient.InferInput("IN", list(_VALUES.shape), "FP32")
        one.set_data_from_numpy(_VALUES)
        with grpcclient.InferenceServerClient(self.server.grpc_url) as client:
            client.start_stream(lambda result, error: answers.put((result, error)))
            client.async_stream_infer(
                model,
                [one],
                outputs=[grpcclient.InferRequestedOutput(name) for name in "ABC"],
                parameters={"mode": "send", "count": count},
            )
            responses = [answers.get(timeout=harness.REQUEST_SECONDS) for _ in range(count)]
        for _, error in responses:
            self.assertIsNone(error)
        return [[result.as_numpy(name) for name in "ABC"] for result, _ in responses]

    def asked(self, **parameters: Any) -> Any:
        """What a model says of the answer of another, to which it gave an input in GPU memory."""
        return json.loads(
            self.infer("device", {"IN": _VALUES}, parameters={"mode": "ask", "target": "target", **parameters})[
                "RESULT"
            ][0]
        )

    def check_description(self) -> None:
        """The model describes a tensor that it made on the device."""
        answer = self.infer("device", {"IN": _VALUES}, parameters={"mode": "describe"})
        self.assertEqual(
            json.loads(answer["RESULT"][0]),
            {
                "cpu": False,
                "device": [2, 0],
                "as_numpy": "Tensor is stored in GPU and cannot be converted to NumPy.",
                "shape": [3],
                "values": [0, 1, 2],
                "stream": True,
            },
        )


def _fake_driver() -> dict[str, str]:
    """The variable that gives the stub the fake driver."""
    if os.environ["STUB_KIND"] == "shipped":
        raise unittest.SkipTest("the shipped stub knows no driver but that of a device")
    return {"MLFLOW_TRITON_STUB_CUDA_LIBRARY": str(harness.setting("FAKE_CUDA").resolve())}


class FakeParentTest(parameterized.TestCase):
    """All flows with this project's stub, and a program in place of the server."""

    @parameterized.parameters(
        ("24.05", "returned_*,buffers_*,an_input_*,another_*,a_death_while_buffers_*,a_death_while_another_*"),
        ("24.07", "sent_*,a_death_while_a_response_*"),
        ("24.10", "*"),
        ("26.07", "*"),
    )
    def test_lines_57_to_61(self, release: str, cases: str) -> None:
        if harness.release() != "24.10":
            self.skipTest("no server takes part in this: once is enough")
        folder = Path(self.create_tempdir().full_path)
        repository.write_source(folder / "model.py", Model("device"))
        environ = {
            **os.environ,
            **_fake_driver(),
            "PATH": f"{harness.environment()}/bin:{os.environ['PATH']}",
            "MLFLOW_TRITON_STUB_PARENT_RELEASE": release,
            "STUB": str(harness.stub()),
            "MODEL": str(folder / "model.py"),
            "PYTHON_LIB": str(harness.tritonserver().parents[1] / "backends" / "python"),
        }
        done = subprocess.run(
            [harness.setting("GPU_PARENT"), f"--run_test={cases}"],
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class FakeDeviceTest(_GpuTest):
    """What can be seen with a server that knows no device: it would crash on an output in GPU memory."""

    MODELS = [_model("device")]

    @classmethod
    def launcher(cls) -> Sequence[str]:
        variables = [f"{name}={value}" for name, value in _fake_driver().items()]
        return ["/usr/bin/env", *variables, *super().launcher()]

    def test_what_a_tensor_says(self) -> None:
        self.check_description()
        alive = self.infer("device", {"IN": _VALUES}, parameters={"mode": "alive"})
        self.assertEqual(json.loads(alive["RESULT"][0]), 0)

    def test_line_58_only_what_was_asked_for(self) -> None:
        outputs = self.infer("device", {"IN": _VALUES}, ["C"], {"mode": "return"})
        self.assertEqual(set(outputs), {"C"})

    def test_line_58_error_after_outputs(self) -> None:
        error = self.infer_error("device", {"IN": _VALUES}, ["A"], {"mode": "error"})
        self.assertIn("after making tensors", error.message())

    def test_line_60_no_elements(self) -> None:
        outputs = self.infer("device", {"IN": _VALUES}, ["A"], {"mode": "empty"})
        self.assertSameArray(outputs["A"], np.zeros(0, np.float32))


class DeviceTest(_GpuTest):
    MODELS = [
        _model("device", instances="KIND_GPU", FORCE_CPU_ONLY_INPUT_TENSORS="no"),
        _model("target", instances="KIND_GPU", FORCE_CPU_ONLY_INPUT_TENSORS="no"),
        _model("decoupled", streaming.DECOUPLED, instances="KIND_GPU", FORCE_CPU_ONLY_INPUT_TENSORS="no"),
    ]
    # Small, so that tensors of some MiB do not fit and go by IPC handles.
    SERVER_ARGS = ["--cuda-memory-pool-byte-size=0:4194304"]

    @classmethod
    def setUpClass(cls) -> None:
        reason = cls._missing()
        if reason:
            print(f"skipped: {reason}")
            raise unittest.SkipTest(reason)
        super().setUpClass()

    @staticmethod
    def _missing() -> str:
        if not Path("/dev/nvidia0").exists():
            return "this machine has no CUDA device"
        packages = harness.environment().glob("lib/python3.*/site-packages")
        if not any((folder / name).is_dir() for folder in packages for name in ("torch", "cupy")):
            return "the execution environment has neither PyTorch nor CuPy"
        return ""

    def _where(self, values: np.ndarray) -> Any:
        return json.loads(self.infer("device", {"IN": values}, parameters={"mode": "where"})["RESULT"][0])

    def test_what_a_tensor_says(self) -> None:
        self.check_description()

    def test_line_57_inputs_of_system_memory(self) -> None:
        self.assertEqual(self._where(_VALUES)[0][2], _VALUES.tolist())

    def _shared(self, values: np.ndarray, mode: str, outputs: Sequence[str]) -> tuple[Any, dict[str, np.ndarray]]:
        """The input, and output A if it is wanted, in CUDA shared memory of the client."""
        try:
            from tritonclient.utils import cuda_shared_memory
        except ImportError as error:
            self.skipTest(f"the client has no CUDA shared memory: {error}")
        size = values.nbytes
        areas = {name: cuda_shared_memory.create_shared_memory_region(name, size, 0) for name in ("in", "out")}
        try:
            for name, area in areas.items():
                handle = cuda_shared_memory.get_raw_handle(area)
                self.client.register_cuda_shared_memory(name, handle, 0, size)
            cuda_shared_memory.set_shared_memory_region(areas["in"], [values])
            one = grpcclient.InferInput("IN", list(values.shape), "FP32")
            one.set_shared_memory("in", size)
            wanted = [grpcclient.InferRequestedOutput(name) for name in outputs]
            if "A" in outputs:
                wanted[outputs.index("A")].set_shared_memory("out", size)
            answer = self.client.infer("device", [one], outputs=wanted, parameters={"mode": mode})
            arrays = {name: answer.as_numpy(name) for name in outputs if name != "A"}
            if "A" in outputs:
                arrays["A"] = cuda_shared_memory.get_contents_as_numpy(areas["out"], np.float32, values.shape).copy()
            return answer, arrays
        finally:
            self.client.unregister_cuda_shared_memory()
            for area in areas.values():
                cuda_shared_memory.destroy_shared_memory_region(area)

    def test_line_57_and_61_inputs_of_device_memory(self) -> None:
        """Small ones lie in the pool, large ones do not."""
        for size in (5, 1 << 21, 5):
            values = np.arange(size, dtype=np.float32)
            _, arrays = self._shared(values, "return", ["C"])
            self.assertSameArray(arrays["C"], values)

    def test_line_57_where_inputs_are(self) -> None:
        _, arrays = self._shared(_VALUES, "where", ["RESULT"])
        self.assertEqual(json.loads(arrays["RESULT"][0]), [["IN", False, _VALUES.tolist()]])

    def test_line_58_client_wants_cpu(self) -> None:
        for _ in range(20):
            self.assertReturned(self.returned("device"))

    def test_line_58_client_wants_device_memory(self) -> None:
        for size in (5, 1 << 21):
            values = np.arange(size, dtype=np.float32)
            _, arrays = self._shared(values, "return", ["A", "B"])
            self.assertSameArray(arrays["A"], values + 1)
            self.assertSameArray(arrays["B"], values * 2)

    def test_line_58_several_responses(self) -> None:
        for outputs in self.infer_all(
            "device", [{"IN": _VALUES}] * 8, ["A", "B", "C"], parameters=[{"mode": "return"}] * 8
        ):
            self.assertReturned([outputs[name] for name in "ABC"])

    @harness.needs_release("24.06", "response senders for all models")
    def test_line_59_sender(self) -> None:
        for _ in range(20):
            self.assertReturned(self.returned("device", "send"))

    def test_line_59_decoupled(self) -> None:
        for outputs in self.stream("decoupled", 10):
            self.assertReturned(outputs)

    @parameterized.parameters("cpu", "gpu")
    def test_line_60_other_models(self, memory: str) -> None:
        """Often enough to use up the pool, were the memory not released."""
        for _ in range(200):
            told = self.asked(memory=memory, values=json.dumps([1.0] * 4096))
            self.assertEqual(told["A"][1], [2.0] * 4096)
        self.assertEqual(told["A"][0], memory == "cpu")

    def test_line_60_no_elements(self) -> None:
        outputs = self.infer("device", {"IN": _VALUES}, ["A"], {"mode": "empty"})
        self.assertSameArray(outputs["A"], np.zeros(0, np.float32))
        self.assertEqual(self.asked(values="[]")["C"][1], [])


if __name__ == "__main__":
    absltest.main()
