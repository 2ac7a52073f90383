"""Spec 7.3 and 8.7: models whose process dies answer with an error and serve again, and the server lives on."""

import concurrent.futures
import os
import random
import signal
import time

import numpy as np
from absl.testing import absltest, parameterized

from tests.conformance import harness, processes, streaming
from tests.conformance.repository import Model

_DIED = (
    r"The model's process (was killed by signal \d+ \(.+\)|ended with exit status \d+)\. It is being started again\."
)
_ENDS = ("exit", "crash", "abort", "kill", "exhaust")
_KILLS = 40


def setUpModule() -> None:
    if harness.differences.applies("supervision"):
        raise absltest.SkipTest(harness.differences.TABLE["supervision"])


class SupervisionTest(streaming.StreamTest):
    MODELS = [
        Model("mortal"),
        Model(
            "mortal", "batches", max_batch_size=4, config="dynamic_batching { max_queue_delay_microseconds: 100000 }"
        ),
        Model("mortal", "asker"),
        Model("mortal", "slow"),
        Model("mortal", "stream", config=streaming.DECOUPLED),
        Model("inspect"),
    ]

    def _dies(self, mode: str, model: str = "mortal", **parameters: str) -> None:
        error = self.infer_error(model, parameters={"mode": mode, **parameters})
        self.assertRegex(str(error.message()), _DIED)

    @parameterized.parameters(*_ENDS)
    def test_line_15_dies_in_execute(self, end: str) -> None:
        before = self.ask("mortal")
        self._dies(end)
        self.assertNotEqual(self.ask("mortal"), before)

    def test_line_15_how_it_died_is_told(self) -> None:
        message = str(self.infer_error("mortal", parameters={"mode": "crash"}).message())
        self.assertIn("was killed by signal 11 (Segmentation fault)", message)
        message = str(self.infer_error("mortal", parameters={"mode": "exit"}).message())
        self.assertIn("ended with exit status 7", message)
        harness.wait_for(
            lambda: "Model 'mortal_0_0': The model's process" in self.server.log_text(), "the line in the log"
        )

    def test_line_15_dies_between_requests(self) -> None:
        """Nobody notices."""
        for _ in range(5):
            before = self.ask("mortal")
            os.kill(before, signal.SIGKILL)
            self.assertNotEqual(self.ask("mortal"), before)

    def test_line_15_nothing_is_lost(self) -> None:
        """What the dead process held in the region is freed, and no process stays."""
        self.ask("mortal")
        count = len(processes.stub_processes(self.server))
        free = None
        for end in (*_ENDS, "log", "sent") * 3:
            if free is None and end == "log":
                free = self.free_bytes("mortal")
            self.infer_all("mortal", [None], parameters=[{"mode": end}])
            self.ask("mortal")
        assert free is not None
        self.assertSameFree(free, self.free_bytes("mortal"))
        harness.wait_for(lambda: len(processes.stub_processes(self.server)) == count, "the end of the helpers")

    def test_line_15_a_whole_batch_is_answered(self) -> None:
        parameters = [{"mode": "abort" if index == 2 else ""} for index in range(4)]
        inputs = [{"IN": np.zeros((1, 1), np.int32)}] * 4
        answers = self.infer_all("batches", inputs, parameters=parameters)
        self.assertIsInstance(answers[2], harness.InferenceServerException)
        for answer in answers:
            if isinstance(answer, harness.InferenceServerException):
                self.assertRegex(str(answer.message()), _DIED)
        self.assertAnswered(self.infer_all("batches", inputs))

    def test_line_15_others_are_served_meanwhile(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            crashes = pool.submit(lambda: [self._dies("crash") for _ in range(5)])
            for _ in range(50):
                self.ask("inspect")
            crashes.result()

    def test_line_15_memory_grows_no_further(self) -> None:
        """The region may grow from one side while nobody is there on the other."""
        for _ in range(3):
            self._dies("abort")
            self.infer("mortal", {"IN": np.zeros(1, np.int32)})

    @harness.needs_release("24.06", "senders for models that are not decoupled")
    def test_line_15_dies_after_answering(self) -> None:
        """The client has its answer; the server must not delete its factory again."""
        for _ in range(5):
            self.assertEqual(self.ask("mortal", "sent"), "sent")
            self.ask("mortal")

    def test_line_15_open_streams_end(self) -> None:
        """Requests whose senders died get an error, be they still in `execute` or not."""
        for _ in range(3):
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                waiting = [pool.submit(self.stream, "stream", mode="open") for _ in range(2)]
                time.sleep(0.5)
                (ended,) = self.stream("stream", mode="abort")
                self.assertRegex(ended, rf"error: .*{_DIED} final")
                for one in waiting:
                    first, last = one.result()
                    self.assertEqual(first, "open")
                    self.assertRegex(last, r"error: .*The model's process was killed by signal 6 \(Aborted\)\. final")
            self.assertLen(self.stream("stream"), 1)

    def test_line_15_dies_after_a_stream(self) -> None:
        self.assertEqual(self.stream("stream", mode="sent"), ["sent final"])
        self.assertLen(self.stream("stream"), 1)

    @harness.needs_release("24.06", "an end to waiting for dead askers")
    def test_line_15_dies_with_a_request_to_another_model(self) -> None:
        """The server has the answer and nobody takes it; it must not wait for that."""
        for _ in range(3):
            self._dies("bls_dies", "asker", target="slow", seconds="0.6")
            answer = self.ask("asker", "bls", target="slow", seconds="0")
            self.assertEqual(answer, self.ask("slow"))

    @harness.needs_release("24.06", "an end to waiting for dead askers")
    def test_line_15_target_of_a_request_dies(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pending = pool.submit(
                self.infer_error, "asker", parameters={"mode": "bls", "target": "slow", "seconds": "5"}
            )
            time.sleep(0.5)
            pids = {processes.instance_of(pid): pid for pid in processes.worker_pids(self.server)}
            os.kill(pids["slow_0_0"], signal.SIGKILL)
            self.assertRegex(str(pending.result().message()), _DIED)
        self.ask("slow")

    def test_line_15_unloading_is_quick(self) -> None:
        """Also right after a death, with something open everywhere."""
        for name in ("fresh", "fresh_stream"):
            config = streaming.DECOUPLED if "stream" in name else ""
            self.add(Model("mortal", name, config=config))
            self.load(name)
            if config:
                self.stream(name, mode="abort")
            else:
                self._dies("abort", name)
            self.unload_quickly(name)
        harness.wait_for(lambda: len(processes.stub_pids(self.server)) == len(self.MODELS), "the end of the stubs")

    @parameterized.parameters("initialize", "finalize")
    def test_line_63_dies_at(self, place: str) -> None:
        lives_if = self.repository.parent / f"lives_{place}"
        model = Model("mortal", f"at_{place}", parameters={"dies_at": place, "lives_if": str(lives_if)})
        if place == "initialize":
            message = self.load_error(model)
            self.assertIn("was killed by signal 11 (Segmentation fault) while it initialized the model.", message)
            lives_if.touch()
            self.load(model.model_name)
        else:
            self.serve(model)
            self.ask(model.model_name)

    def test_line_63_cannot_be_started_again(self) -> None:
        """Requests are answered with the reason, until it works again."""
        marker = self.repository.parent / "marker"
        self.serve(Model("mortal", "unlucky", parameters={"raises_if": str(marker)}))
        marker.touch()
        self._dies("abort", "unlucky")
        message = str(self.infer_error("unlucky").message())
        self.assertIn("when it was started again: RuntimeError: no luck this time", message)
        self.assertIn("The next attempt to start it is made within", message)
        marker.unlink()

        def serves() -> bool:
            try:
                self.ask("unlucky")
            except harness.InferenceServerException:
                return False
            return True

        harness.wait_for(serves, "the model")

    def test_line_63_killed_at_random(self) -> None:
        """At any time while it serves; each request ends, one way or the other, and the next one is answered."""
        chance = random.Random(20)
        self.add(Model("mortal", "victim"))
        self.load("victim")
        for _ in range(_KILLS):
            pid = self.ask("victim")
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                answers = pool.submit(self.infer_all, "victim", [None] * 8)
                time.sleep(chance.uniform(0, 0.02))
                os.kill(pid, signal.SIGKILL)
                for answer in answers.result():
                    if isinstance(answer, harness.InferenceServerException):
                        self.assertRegex(str(answer.message()), "killed by signal 9")
        self.ask("victim")
        self.unload_quickly("victim")


class AutoCompleteTest(harness.ServerTest):
    AUTO_COMPLETE = True

    def test_line_63_dies_in_auto_complete(self) -> None:
        lives_if = self.repository.parent / "lives"
        parameters = {"dies_at": "auto_complete_config", "lives_if": str(lives_if)}
        model = Model("mortal", parameters=parameters)
        message = self.load_error(model)
        self.assertIn("was killed by signal 11 (Segmentation fault) while it completed the configuration.", message)
        harness.wait_for(lambda: not processes.stub_processes(self.server), "the end of the stub")
        lives_if.touch()
        self.load("mortal")
        self.ask("mortal")


if __name__ == "__main__":
    absltest.main()
