"""Spec 8.1, lines 14 to 17: killed servers, dead, paused and blocked stubs."""

import concurrent.futures
import contextlib
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc as grpcclient
from absl.testing import absltest, parameterized

from mlflow_backend_utils.server import TritonServer
from tests.conformance import harness, processes, repository
from tests.conformance.repository import Model

# What a server answers for a stub that died or paused, and later when it gives up on it.
_UNHEALTHY = r"Stub process '\w+_0_0' is not healthy\."


class Fixture:
    """A server with models that sleep and die on demand, and a client."""

    def __init__(self, server: TritonServer, client: grpcclient.InferenceServerClient):
        self.server = server
        self.client = client
        self.pid = server.pid
        self._pool = concurrent.futures.ThreadPoolExecutor(8)

    def ask(self, model: str, number: int = 0, mode: str = "", seconds: float = 0) -> dict[str, Any]:
        """Ask a model to do as `mode` says and to answer the number."""
        answer = self.client.infer(
            model,
            harness.tensors({"IN": np.array([number], np.int32)}),
            parameters={"mode": mode, "seconds": str(seconds)},
            client_timeout=harness.REQUEST_SECONDS,
        )
        return dict(json.loads(answer.as_numpy("RESULT")[0]))

    def processes_of(self, model: str) -> list[int]:
        """The processes of a model's stub, the one that the server started first."""
        found = [
            (parent != self.pid, pid)
            for pid, parent in processes.stub_processes(self.server).items()
            if processes.instance_of(pid) == f"{model}_0_0"
        ]
        return [pid for _, pid in sorted(found)]

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a process of a stub, and to the one that supervises it, if there is one."""
        parents = processes.stub_processes(self.server)
        for one in (parents[pid], pid):
            if one in parents:
                os.kill(one, number)

    def start(self, *args: Any, **kwargs: Any) -> "concurrent.futures.Future[dict[str, Any]]":
        """`ask` in the background."""
        return self._pool.submit(self.ask, *args, **kwargs)


@contextlib.contextmanager
def fixture(*names: str, args: Sequence[str] = (), may_leave: bool = False) -> Iterator[Fixture]:
    """A server with models that sleep and die on demand; `args` are further arguments of the server."""
    names = (*(names or ("sleeper",)), "other")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as scratch:
        models = Path(scratch, "models")
        for name in names:
            model = Model("sleeper", name)
            repository.add_model(models, model, stub=harness.stub(), environment=harness.environment())
        arguments = ["--disable-auto-complete-config", *[f"--load-model={name}" for name in names], *args]
        with (
            harness.running_server(models, arguments, may_leave=may_leave) as server,
            grpcclient.InferenceServerClient(server.grpc_url) as client,
        ):
            yield Fixture(server, client)


class RobustnessTest(parameterized.TestCase):
    def test_line_14_server_killed(self) -> None:
        with fixture(may_leave=True) as run:
            self.assertLen(processes.stub_pids(run.server), 2)
            os.kill(run.pid, signal.SIGKILL)
            # While nobody has waited for it, a dead process still looks alive to its stubs.
            os.waitpid(run.pid, 0)
            harness.wait_for(lambda: not processes.stub_pids(run.server), "the end of the stubs", 1.0)
            self.assertEqual(processes.regions(run.server), [])

    def test_line_15_stub_dies(self) -> None:
        """All of it: the client gets an error, other models and the server live on, and the server can still end.

        That the process of the model dies alone is the business of supervision_test.
        """
        if harness.release() < "24.06":
            # Seen on 23.12: 4 of 5 runs with the stub that it came with; with ours none of 5, but 3 on a busy machine.
            self.skipTest("servers until 24.05 replace a stub that died, and crash now and then in doing so")
        if harness.release() < "24.10":
            self.skipTest("servers 24.06 to 24.09 wait for ever for the answer of a stub that died")
        ends = ("kill_idle", "kill_busy")
        with fixture(*ends, args=["--exit-timeout-secs=2"], may_leave=True) as run:
            for end in ends:
                with self.subTest(end):
                    self._die(run, end)
            self.assertTrue(run.client.is_server_live())
            start = time.monotonic()
            run.server.stop()
            self.assertLess(time.monotonic() - start, harness.STOP_SECONDS)

    def _die(self, run: Fixture, end: str) -> None:
        pid = run.processes_of(end)[0]
        start = time.monotonic()
        if end == "kill_idle":
            os.kill(pid, signal.SIGKILL)
            harness.wait_for(lambda: not run.processes_of(end), "the end of the model's process")
            pending = run.start(end)
        else:
            pending = run.start(end, mode="sleep", seconds=15)
            time.sleep(0.3)
            os.kill(pid, signal.SIGKILL)
        with self.assertRaisesRegex(harness.InferenceServerException, _UNHEALTHY):
            pending.result()
        self.assertLess(time.monotonic() - start, 5)
        self.assertEqual(run.ask("other", 5)["number"], 5)
        # Later requests are answered too, be it with an error.
        with contextlib.suppress(harness.InferenceServerException):
            self.assertEqual(run.ask(end, 6)["number"], 6)

    def test_line_16_paused(self) -> None:
        """Whatever the server makes of a pause, later requests get their own answers, and all ends well."""
        self.skip_if_shipped()
        if harness.release() < "24.06":
            return self._paused_and_replaced()
        if harness.release() < "24.10":
            return self._paused_and_waited_for()
        return self._paused_and_given_up()

    @staticmethod
    def _stop_during_request(run: Fixture) -> "tuple[int, concurrent.futures.Future[dict[str, Any]]]":
        """Stops the stub of `sleeper` in the middle of request 1; the model's process, and the answer to come."""
        pid = int(run.ask("sleeper")["pid"])
        pending = run.start("sleeper", 1, mode="sleep", seconds=0.6)
        time.sleep(0.3)
        run.signal(pid, signal.SIGSTOP)
        return pid, pending

    def _paused_and_replaced(self) -> None:
        """Until 24.05 the server fails the request, kills the stub and starts another."""
        with fixture() as run:
            pid, pending = self._stop_during_request(run)
            with self.assertRaisesRegex(harness.InferenceServerException, _UNHEALTHY):
                pending.result()
            for number in range(2, 30):
                answer = run.ask("sleeper", number)
                self.assertEqual(answer["number"], number)
                self.assertNotEqual(answer["pid"], pid)

    def _paused_and_waited_for(self) -> None:
        """Servers 24.06 to 24.09 wait for as long as it takes."""
        with fixture() as run:
            pid, first = self._stop_during_request(run)
            pending = [first, run.start("sleeper", 2)]
            time.sleep(3)
            run.signal(pid, signal.SIGCONT)
            for number, one in enumerate(pending, 1):
                self.assertEqual(one.result(), {"number": number, "pid": pid})

    def _paused_and_given_up(self) -> None:
        """From 24.10 on a pause ends the request, and nothing else."""
        with fixture() as run:
            pid, abandoned = self._stop_during_request(run)
            with self.assertRaisesRegex(harness.InferenceServerException, _UNHEALTHY):
                abandoned.result()
            time.sleep(1)
            run.signal(pid, signal.SIGCONT)
            for number in range(2, 30):
                self.assertEqual(run.ask("sleeper", number), {"number": number, "pid": pid})

    @harness.needs_release("24.10", "giving up on requests, but keeping the stub")
    def test_line_16_paused_with_further_requests(self) -> None:
        """Requests that come during the pause are given up as well; what they held is lost until the server ends."""
        self.skip_if_shipped()
        with fixture(args=["--exit-timeout-secs=2"], may_leave=True) as run:
            pid, first = self._stop_during_request(run)
            pending = [first, *[run.start("sleeper", number) for number in (2, 3)]]
            for one in pending:
                with self.assertRaisesRegex(harness.InferenceServerException, _UNHEALTHY):
                    one.result()
            run.signal(pid, signal.SIGCONT)
            for number in range(4, 30):
                self.assertEqual(run.ask("sleeper", number), {"number": number, "pid": pid})
            self.assertEqual(run.ask("other", 5)["number"], 5)

    def test_line_16_only_the_model_paused(self) -> None:
        """Who supervises it vouches for it: the answer is late, and that is all."""
        if harness.differences.applies("supervision"):
            self.skipTest(harness.differences.TABLE["supervision"])
        with fixture() as run:
            pid = int(run.ask("sleeper")["pid"])
            os.kill(pid, signal.SIGSTOP)
            pending = run.start("sleeper", 1)
            time.sleep(2.5)
            self.assertFalse(pending.done())
            os.kill(pid, signal.SIGCONT)
            self.assertEqual(pending.result(), {"number": 1, "pid": pid})

    def skip_if_shipped(self) -> None:
        if harness.differences.applies("resynchronisation"):
            self.skipTest(harness.differences.TABLE["resynchronisation"])

    def test_line_17_blocked_with_the_gil(self) -> None:
        """Native code that holds the GIL for longer than the server waits for a sign of life."""
        with fixture() as run:
            self.assertEqual(run.ask("sleeper", 7, mode="hold_gil", seconds=3.5)["number"], 7)
            self.assertEqual(run.ask("sleeper", 8)["number"], 8)


if __name__ == "__main__":
    absltest.main()
