"""Spec 8.1, lines 11 to 13 and 18: instances and versions, loading and unloading, `finalize`, options of the server."""

import concurrent.futures
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl.testing import absltest, parameterized

from tests.conformance import harness, processes, repository
from tests.conformance.repository import Model


class LifecycleTest(harness.ServerTest):
    def _model(self, name: str, end: str = "", config: str = "", versions: Sequence[int] = (1,)) -> Model:
        journal = str(self.repository.parent / f"{name}.journal")
        return Model("lifecycle", name, parameters={"journal": journal, "end": end}, config=config, versions=versions)

    def _journal(self, name: str) -> list[str]:
        return (self.repository.parent / f"{name}.journal").read_text(encoding="utf-8").splitlines()

    def test_line_11_two_instances(self) -> None:
        model = self._model("twins", config="instance_group { kind: KIND_CPU count: 2 }\n")
        self.serve(model)
        self.assertLen(processes.stub_pids(self.server), 2)
        self.assertEqual(sorted(self._journal("twins")), ["twins_0_0 1 initialize", "twins_0_1 1 initialize"])
        answers = self.infer_all("twins", [None] * 20)
        self.assertAnswered(answers)

    def test_line_11_two_versions(self) -> None:
        self.serve(self._model("versions", config="version_policy { all { } }\n", versions=(1, 3)))
        for version in ("1", "3"):
            answer = self.infer("versions", model_version=version)
            self.assertIn(f'"version": "{version}"', answer["RESULT"][0].decode())

    def test_line_11_eight_models_at_once(self) -> None:
        names = [f"parallel{index}" for index in range(8)]
        for name in names:
            self.add(self._model(name))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(self.load, names))
            for name in names:
                self.assertEqual(self.ask(name)["instance"], f"{name}_0_0")
            list(pool.map(self.unload, names))
        harness.wait_for(lambda: not processes.stub_pids(self.server), "the end of the stubs")

    def test_line_12_unload_and_reload(self) -> None:
        self.add(self._model("again"))
        for _ in range(3):
            self.load("again")
            self.assertLen(processes.stub_pids(self.server), 1)
            self.assertEqual(self.ask("again")["version"], "1")
            self.unload("again")
            harness.wait_for(lambda: not processes.stub_pids(self.server), "the end of the stub")
            self.assertEqual(processes.regions(self.server), [])
        self.assertEqual(self._journal("again"), ["again_0_0 1 initialize", "again_0_0 1 finalize"] * 3)

    def test_line_12_load_again_while_loaded(self) -> None:
        """A loaded model is replaced by its new version without a gap."""
        self.serve(self._model("replaced"))
        first = self.ask("replaced")["pid"]
        folder = self.repository / "replaced"
        os.utime(folder / "config.pbtxt", (time.time() + 5,) * 2)
        (folder / "config.pbtxt").write_text((folder / "config.pbtxt").read_text() + 'parameters { key: "x" }\n')
        os.utime(folder / "1" / "model.py", (time.time() + 5,) * 2)
        self.load("replaced")
        self.assertNotEqual(self.ask("replaced")["pid"], first)

    @parameterized.parameters("", "raise", "log")
    def test_line_13_finalize(self, end: str) -> None:
        name = f"finalize_{end or 'plain'}"
        self.add(self._model(name, end))
        self.load(name)
        self.ask(name)
        start = time.monotonic()
        self.unload(name)
        harness.wait_for(lambda: not processes.stub_pids(self.server), "the end of the stub")
        self.assertLess(time.monotonic() - start, 5)
        self.assertEqual(self._journal(name)[1:], [f"{name}_0_0 1 finalize"])
        if end == "log":
            harness.wait_for(lambda: "a word in finalize" in self.server.log_text(), "the line in the log")
        if end == "raise":
            harness.wait_for(lambda: "finalize boom" in self.server.log_text(), "the exception in the log")

    def test_line_13_slow_finalize(self) -> None:
        self.add(self._model("slow", "slow"))
        self.load("slow")
        self.unload("slow")
        harness.wait_for(lambda: not processes.stub_pids(self.server), "the end of the stub")
        self.assertEqual(self._journal("slow")[1:], ["slow_0_0 1 finalize", "slow_0_0 1 finalized"])

    def test_line_13_no_finalize(self) -> None:
        self.add(Model("identity", inputs=["IN FP32 -1"], outputs=["OUT FP32 -1"]))
        self.load("identity")
        self.unload("identity")
        harness.wait_for(lambda: not processes.stub_pids(self.server), "the end of the stub")


class ShutdownTest(parameterized.TestCase):
    @parameterized.named_parameters(("terminated", signal.SIGTERM, False), ("interrupted", signal.SIGINT, True))
    def test_line_12_loaded_models(self, number: signal.Signals, whole_group: bool) -> None:
        """A signal to the server, or Ctrl-C to the stubs too: models are finalized in order, all of it ends at once."""
        scratch = Path(self.create_tempdir().full_path)
        journal = scratch / "journal"
        models = scratch / "models"
        names = [f"model{index}" for index in range(3)]
        for name in names:
            model = Model("lifecycle", name, parameters={"journal": str(journal), "end": ""})
            repository.add_model(models, model, stub=harness.stub(), environment=harness.environment())
        args = ["--disable-auto-complete-config", *[f"--load-model={name}" for name in names]]
        with harness.running_server(models, args, may_leave=True) as server:
            pid = server.pid
            self.assertLen(processes.stub_pids(server), 3)
            if whole_group:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)
            seconds = harness.wait_for(lambda: processes.process_state(pid) in ("", "Z"), "the end of the server")
            self.assertLess(seconds, harness.STOP_SECONDS)
            self.assertEqual(processes.stub_pids(server), [])
            self.assertEqual(processes.regions(server), [])
        lines = journal.read_text(encoding="utf-8").splitlines()
        self.assertLen([line for line in lines if line.endswith(" finalize")], 3)


class OptionsTest(harness.ServerTest):
    """Odd sizes: nothing may rely on the defaults."""

    MODELS = [
        Model("large", inputs=["DATA UINT8 -1"], outputs=["OUT UINT8 -1", "RESULT STRING 1"]),
        Model("attributes"),
        Model("coroutine"),
        Model("logs"),
    ]
    SERVER_ARGS = [
        "--backend-config=python,shm-default-byte-size=1048577",
        "--backend-config=python,shm-growth-byte-size=1000003",
        "--backend-config=python,shm_message_queue_size=2",
        "--backend-config=python,thread-pool-size=1",
    ]

    def test_line_18_growth(self) -> None:
        for size in (1, 17, 1_000_003, 3_500_001, 12_345_678):
            data = np.arange(size, dtype=np.uint64).astype(np.uint8)
            got = self.infer("large", {"DATA": data}, ["OUT"], {"mode": "echo"})
            self.assertSameArray(got["OUT"], data)

    def test_line_18_small_queue(self) -> None:
        self.assertAnswered(self.infer_all("attributes", [None] * 30))
        self.assertAnswered(self.infer_all("coroutine", [None] * 5))
        self.ask("logs", "threads")

    def test_line_18_prefix(self) -> None:
        self.assertNotEmpty(processes.regions(self.server))


if __name__ == "__main__":
    absltest.main()
