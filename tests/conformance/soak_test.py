"""Spec 8.7, line 65: mixed traffic leaves no trace in region, descriptors and memory.

`--requests=100000` for the long one.
"""

from __future__ import annotations

import concurrent.futures
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
from absl import flags
from absl.testing import absltest

from tests.conformance import bls, differences, processes, streaming
from tests.conformance.repository import Model

_REQUESTS = flags.DEFINE_integer("requests", 5000, "Requests between the two measurements.", lower_bound=1)
_CLIENTS = 8
_STREAM_STEPS = "send:1 send:2 last:3"

# Allocators of C and Python keep some; a leak of 100 bytes a request is more in 100,000 of them.
_MOST_MIB_MORE = 6


class SoakTest(streaming.StreamTest):
    MODELS = [
        Model("identity", inputs=["IN FP32 -1"], outputs=["OUT FP32 -1"]),
        Model("bytes", inputs=["DATA STRING -1"], outputs=["OUT STRING -1", "RESULT STRING 1"]),
        Model("large", inputs=["DATA UINT8 -1"], outputs=["OUT UINT8 -1", "RESULT STRING 1"]),
        Model("errors"),
        Model("logs"),
        Model("sender", "stream", config=streaming.DECOUPLED),
        Model("bls"),
        bls.TARGET,
    ]

    def _identity(self, chance: random.Random) -> None:
        data = np.full(chance.randrange(1000), 1.5, np.float32)
        self.assertSameArray(self.infer("identity", {"IN": data}, ["OUT"])["OUT"], data)

    def _bytes(self, chance: random.Random) -> None:
        data = np.array([b"x" * chance.randrange(30) for _ in range(chance.randrange(1, 50))], np.object_)
        self.assertSameArray(self.infer("bytes", {"DATA": data}, ["OUT"], {"mode": "echo"})["OUT"], data)

    def _large(self, chance: random.Random) -> None:
        data = np.full(chance.randrange(1 << 18), 7, np.uint8)
        self.assertSameArray(self.infer("large", {"DATA": data}, ["OUT"], {"mode": "echo"})["OUT"], data)

    def _error(self, chance: random.Random) -> None:
        del chance
        error = self.infer_error("errors", parameters={"mode": "error", "text": "as wanted"})
        self.assertIn("as wanted", str(error.message()))

    def _exception(self, chance: random.Random) -> None:
        del chance
        self.assertIn("ValueError", str(self.infer_error("errors", parameters={"mode": "raise", "what": "built_in"})))

    def _stream(self, chance: random.Random) -> None:
        del chance
        self.assertEqual(self.stream("stream", _STREAM_STEPS), ["1", "2", "3 final"])

    def _bls(self, chance: random.Random) -> None:
        value = chance.randrange(100)
        calls = json.dumps([bls.plan(result=value)] * 3)
        answers = self.ask("bls", chance.choice(["exec", "gather", "threads"]), calls=calls)
        self.assertEqual([answer["error"] for answer in answers], [None] * 3)

    def _some(self, seed: int, count: int) -> None:
        chance = random.Random(seed)
        kinds: list[Callable[[random.Random], None]] = [
            *[self._identity] * 8,
            *[self._bytes] * 4,
            self._large,
            self._stream,
            self._bls,
        ]
        if not differences.applies("error_flag"):
            kinds += [self._error, self._error, self._exception]
        for _ in range(count):
            chance.choice(kinds)(chance)

    def _traffic(self, seed: int, count: int) -> None:
        with concurrent.futures.ThreadPoolExecutor(_CLIENTS) as pool:
            runs = [pool.submit(self._some, seed + client, count // _CLIENTS) for client in range(_CLIENTS)]
            for run in runs:
                run.result()

    def _free_of(self, model: str) -> int:
        if model == "stream":
            return self.free(model)
        inputs = {"bytes": {"DATA": np.array([b"x"], np.object_)}, "large": {"DATA": np.zeros(1, np.uint8)}}
        return self.free_bytes(model, inputs.get(model))

    def _used(self) -> dict[str, int]:
        """Bytes in use of the regions of the models that can tell."""
        used = {}
        for pid in processes.stub_pids(self.server):
            model = processes.instance_of(pid).removesuffix("_0_0")
            if model in ("bytes", "large", "errors", "stream", "bls"):
                free = self._free_of(model)
                used[model] = processes.region_bytes(self.server, model) - free
        return used

    def _of_processes(self, measure: Callable[[int], int]) -> dict[int, int]:
        return {pid: measure(pid) for pid in processes.stub_processes(self.server)}

    def test_line_65_nothing_grows(self) -> None:
        self._traffic(1, max(_REQUESTS.value // 5, 1000))  # everything has been used once
        used, files, memory = self._used(), self._of_processes(_open_files), self._of_processes(_private_mib)
        self._traffic(2, _REQUESTS.value)
        after = self._used()
        self.assertEqual(used.keys(), after.keys())
        for model, before in used.items():
            with self.subTest(model):
                self.assertSameFree(before, after[model])
        self.assertEqual(self._of_processes(_open_files), files)
        grown = {pid: now - memory[pid] for pid, now in self._of_processes(_private_mib).items()}
        print(f"{_REQUESTS.value} requests: bytes used in the regions {used}, then {after}; MiB more in {grown}")
        self.assertLess(max(grown.values()), _MOST_MIB_MORE)


def _open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _private_mib(pid: int) -> int:
    """Memory of a process that lies in no file, which the region does."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (line,) = (line for line in text.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) >> 10


if __name__ == "__main__":
    absltest.main()
