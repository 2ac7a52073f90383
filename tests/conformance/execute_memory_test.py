"""Spec 8.2, lines 20, 21 and 56: growth of the region by both sides, kept tensors, no leaks."""

import hashlib
import http.client
import json
from pathlib import Path

import numpy as np
from absl.testing import absltest

from tests.conformance import harness, processes
from tests.conformance.repository import Model

_MIB = 1 << 20


def _large(name: str) -> Model:
    return Model("large", name, ["DATA UINT8 -1"], ["OUT UINT8 -1", "RESULT STRING 1"])


class ExecuteMemoryTest(harness.ServerTest):
    MODELS = [
        _large("large"),
        _large("growing"),
        _large("kept"),
        Model("identity", "leaks", ["IN FP32 -1"], ["OUT FP32 -1"]),
        Model("errors", "failing"),
    ]

    @classmethod
    def ask_with(cls, model: str, mode: str, data: np.ndarray, **parameters: object) -> object:
        answer = cls.infer(model, {"DATA": data}, ["RESULT"], {"mode": mode, **parameters})
        return json.loads(answer["RESULT"][0])

    def _free(self, model: str) -> int:
        return self.free_bytes(model, {"DATA": np.zeros(1, np.uint8)})

    def _digest(self, model: str, data: np.ndarray) -> None:
        self.assertEqual(self.ask_with(model, "digest", data), hashlib.sha256(data).hexdigest())

    def _make(self, model: str, size: int) -> None:
        got = self.infer(model, {"DATA": np.zeros(1, np.uint8)}, ["OUT"], {"mode": "make", "size": size})["OUT"]
        self.assertSameArray(got, np.arange(size, dtype=np.uint64).astype(np.uint8))

    def test_line_20_64_mib_in_and_out(self) -> None:
        """The parent grows the region for the input, then the stub for the output, in turns."""
        data = np.random.default_rng(1).integers(0, 256, 64 * _MIB, np.uint8)
        self._digest("large", data)
        self._make("large", 64 * _MIB)
        got = self.infer("large", {"DATA": data}, ["OUT"], {"mode": "echo"})["OUT"]
        self.assertSameArray(got, data)
        self._digest("large", data)

    def test_line_20_many_growths(self) -> None:
        generator = np.random.default_rng(2)
        for step in range(1, 13):
            size = step * (_MIB + 4567)
            self._make("growing", size)
            self._digest("growing", generator.integers(0, 256, size + _MIB // 2, np.uint8))
        # What was allocated has been freed. Another growth may come: a server may make room for the next request before
        # the stub has freed its last answer.
        free = self._free("growing")
        for step in range(1, 13):
            self._make("growing", step * (_MIB + 4567))
        self.assertGreaterEqual(self._free("growing"), free - 64)

    def test_line_21_input_arrays_can_be_written(self) -> None:
        data = np.arange(100, dtype=np.uint8)
        got = self.infer("kept", {"DATA": data}, ["OUT", "RESULT"], {"mode": "write"})
        self.assertSameArray(got["OUT"], data + 1)
        self.assertEqual(json.loads(got["RESULT"][0]), {"writeable": True, "aligned": True})
        # Not the client's data, not the next request's.
        self.assertSameArray(self.infer("kept", {"DATA": data}, ["OUT"], {"mode": "echo"})["OUT"], data)

    def test_line_21_input_arrays_can_be_kept(self) -> None:
        """Kept arrays stay what they were through 1,000 requests; dropped ones give their memory back."""

        def keep() -> int:
            for number in range(1000):
                self.ask_with("kept", "keep", np.full(1000 + number % 7, number % 251, np.uint8))
            self.assertEqual(self.ask_with("kept", "check", np.zeros(1, np.uint8)), 1000)
            self.ask_with("kept", "drop", np.zeros(1, np.uint8))
            return self._free("kept")

        self.assertSameFree(keep(), keep())

    def test_line_21_requests_can_be_kept(self) -> None:
        for number in range(50):
            inputs = {"DATA": np.full(number, 1, np.uint8)}
            parameters = {"mode": "keep_request", "number": number}
            self.infer("kept", inputs, parameters=parameters, request_id=f"request {number}")
        kept = self.ask_with("kept", "check_requests", np.zeros(1, np.uint8))
        self.assertEqual(kept, [[f"request {number}", number, number] for number in range(50)])
        self.ask_with("kept", "drop", np.zeros(1, np.uint8))

    def _hammer(self, model: str, body: object, count: int, status: int) -> None:
        """Many small requests on one connection, as fast as a Python client can."""
        connection = http.client.HTTPConnection(self.server.http_url, timeout=harness.REQUEST_SECONDS)
        text = json.dumps(body)
        for _ in range(count):
            connection.request("POST", f"/v2/models/{model}/infer", text)
            response = connection.getresponse()
            response.read()
            self.assertEqual(response.status, status)
        connection.close()

    def test_line_56_no_leak_in_10000_requests(self) -> None:
        body = {"inputs": [{"name": "DATA", "datatype": "UINT8", "shape": [4], "data": [1, 2, 3, 4]}]}
        body["parameters"] = {"mode": "echo"}
        self._hammer("kept", body, 100, 200)
        free = self._free("kept")
        self._hammer("kept", body, 10_000, 200)
        self.assertSameFree(free, self._free("kept"))

    def test_line_56_no_leak_in_errors(self) -> None:
        self.skip_if_shipped("error_flag")
        inputs = [{"name": "IN", "datatype": "INT32", "shape": [1], "data": [1]}]
        kinds = [
            {"mode": "raise", "what": "built_in"},
            {"mode": "error", "text": "no"},
            {"mode": "return", "what": "short"},
        ]
        for warm_up in (20, 500):
            free = self.free_bytes("failing")
            for parameters in kinds:
                status = 400 if harness.release() < "24.03" else 500
                self._hammer("failing", {"inputs": inputs, "parameters": parameters}, warm_up, status)
        self.assertSameFree(free, self.free_bytes("failing"))

    def test_line_56_processes_stay_as_they_are(self) -> None:
        """Neither descriptors nor resident memory of the stub grow."""
        body = {"inputs": [{"name": "IN", "datatype": "FP32", "shape": [2], "data": [1, 2]}]}
        self._hammer("leaks", body, 300, 200)
        before = [_usage(pid) for pid in sorted(processes.stub_processes(self.server))]
        self._hammer("leaks", body, 3000, 200)
        after = [_usage(pid) for pid in sorted(processes.stub_processes(self.server))]
        for (descriptors, resident), (more_descriptors, more_resident) in zip(before, after, strict=True):
            self.assertEqual(descriptors, more_descriptors)
            self.assertLess(more_resident - resident, 2 * _MIB)


def _usage(pid: int) -> tuple[int, int]:
    """Open descriptors and resident bytes of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), resident * 1024


if __name__ == "__main__":
    absltest.main()
