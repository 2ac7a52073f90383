"""`serve` and `predict`, as a user starts them, with the parts that builds would give.

Environment, as paths below TEST_SRCDIR: BACKEND, ENVIRONMENT (a packed one, as a folder), MODEL (the wine model, laid
out for a server), TRITONSERVER, UTILS (the command line).
"""

from __future__ import annotations

import contextlib
import csv
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from absl.testing import absltest, parameterized

from mlflow_backend_utils.server.triton_server import free_ports
from tests.runfiles import runfiles

_PATIENCE = 120.0
_ROWS = 5000


class OneStepTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.folder = Path(os.environ["TEST_TMPDIR"])
        cls.model = cls.folder / "wine.v1"
        # As it was saved: MLflow refuses links that lead out of a model's folder.
        shutil.copytree(runfiles.path("MODEL") / "1", cls.model)
        cls.example = json.loads((cls.model / "serving_input_example.json").read_text(encoding="utf-8"))
        cls.parts = [
            "--backend",
            str(runfiles.path("BACKEND")),
            "--env",
            str(runfiles.path("ENVIRONMENT")),
            "--stub",
            str((runfiles.path("MODEL") / "triton_python_backend_stub").resolve()),
            "--tritonserver",
            str(runfiles.path("TRITONSERVER")),
        ]

    def _environ(self) -> dict[str, str]:
        return {"HOME": str(self.folder / "home"), "PATH": os.defpath, "TMPDIR": str(self.folder)}

    def _run(self, *words: str, parts: bool = True) -> subprocess.CompletedProcess[str]:
        command = [str(runfiles.path("UTILS")), *words, *(self.parts if parts else [])]
        return subprocess.run(
            command,
            env=self._environ(),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
            cwd=self.folder,
        )

    @contextlib.contextmanager
    def _served(self, *words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
        """A `serve` that is ready, and the port of its gateway."""
        (port,) = free_ports(1)
        command = [str(runfiles.path("UTILS")), "serve", "-m", str(self.model), "-p", str(port), *words, *self.parts]
        log = self.folder / f"serve_{port}.log"
        with log.open("w") as file:
            process = subprocess.Popen(command, env=self._environ(), stdout=file, stderr=subprocess.STDOUT, text=True)
        try:
            end = time.monotonic() + _PATIENCE
            while "ready after" not in log.read_text():
                self.assertIsNone(process.poll(), log.read_text())
                self.assertLess(time.monotonic(), end, log.read_text())
                time.sleep(0.1)
            yield process, port
        finally:
            process.terminate()
            process.wait(_PATIENCE)
            self.log = log.read_text()

    def _ask(self, port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        end = time.monotonic() + 10
        with contextlib.closing(connection):
            while True:
                try:
                    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    return answer.status, json.loads(answer.read().strip() or b"null")
                except ConnectionError:  # it listens, and accepts in a moment
                    self.assertLess(time.monotonic(), end)

    @parameterized.parameters(signal.SIGINT, signal.SIGTERM)
    def test_serve(self, end: signal.Signals) -> None:
        with self._served() as (process, port):
            status, answer = self._ask(port, "POST", "/invocations", self.example)
            self.assertEqual((status, list(answer)), (200, ["predictions"]))
            self.assertEqual(self._ask(port, "GET", "/ping")[0], 200)
            # The folder's name is the model's.
            self.assertEqual(self._ask(port, "GET", "/v2/models/wine")[1]["name"], "wine")
            process.send_signal(end)
            self.assertEqual(process.wait(60), 130)
        for words in (f"MLflow  http://127.0.0.1:{port}/invocations", "starting the server: ", "curl -s http://"):
            self.assertIn(words, self.log)
        self._nothing_is_left()

    def test_the_server_dies(self) -> None:
        with self._served("--name", "other") as (process, port):
            self.assertEqual(self._ask(port, "GET", "/v2/models/other")[0], 200)
            (server,) = (pid for pid in self._children(process.pid) if self._name(pid) == "tritonserver")
            os.kill(server, signal.SIGKILL)
            self.assertEqual(process.wait(60), 1)
        self.assertIn("the server ended by itself", self.log)
        self._nothing_is_left()

    def test_a_port_that_is_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = self._run("serve", "-m", "nowhere", "-p", str(taken.getsockname()[1]))
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "cannot listen on 127.0.0.1:.*choose another --host or --port")
        self.assertNotIn("fetching", done.stderr)

    def test_no_model(self) -> None:
        done = self._run("serve", "-m", str(self.folder / "nowhere"), "-p", "0")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nowhere", done.stderr)

    def test_a_model_that_does_not_load(self) -> None:
        broken = self.folder / "broken"
        shutil.copytree(self.model, broken)
        (broken / "model.skops").unlink(missing_ok=True)
        for file in broken.glob("model*"):
            file.unlink()
        done = self._run("serve", "-m", str(broken), "-p", "0")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr.splitlines()[-1], "mlflow-backend-utils: the server does not load the model: .*")
        self._nothing_is_left()

    def test_nothing_to_build_in(self) -> None:
        done = self._run("serve", "-m", str(self.model), "-p", "0", parts=False)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(
            done.stderr, "no checkout of this project to build server, backend, stub, runtime in; .*--workspace"
        )

    def test_predict(self) -> None:
        split = self.example["dataframe_split"]
        rows = [split["data"][number % len(split["data"])] for number in range(_ROWS)]
        frame = pd.DataFrame(rows, columns=split["columns"])
        frame.to_csv(self.folder / "in.csv", index=False)
        frame.to_parquet(self.folder / "in.parquet")
        frame.to_json(self.folder / "in.jsonl", orient="records", lines=True)
        (self.folder / "in.json").write_text(
            json.dumps({"dataframe_split": {"data": rows, "columns": split["columns"]}}), encoding="utf-8"
        )
        with self._served() as (_, port):
            wanted = self._ask(port, "POST", "/invocations", {"dataframe_records": frame.to_dict("records")})[1]
        self.assertLen(wanted["predictions"], _ROWS)
        for source in ("in.csv", "in.parquet", "in.jsonl", "in.json"):
            done = self._run("predict", "-m", str(self.model), "-i", source, "-o", "out.json", "--rows", "700")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"out.json: answers to {_ROWS} rows", done.stderr)
            self.assertEqual(json.loads((self.folder / "out.json").read_text(encoding="utf-8")), wanted, source)
        done = self._run("predict", "-m", str(self.model), "-i", "in.csv", "-o", "out.csv")
        self.assertEqual(done.returncode, 0, done.stderr)
        with (self.folder / "out.csv").open(encoding="utf-8") as file:
            table = list(csv.reader(file))
        self.assertEqual(table, [["prediction"], *([str(value)] for value in wanted["predictions"])])
        self._nothing_is_left()

    def test_predict_that_fails(self) -> None:
        columns = self.example["dataframe_split"]["columns"]
        good = self.example["dataframe_split"]["data"][0]
        lines = [columns, *[good] * 9, ["x", *good[1:]], *[good] * 9]
        with (self.folder / "bad.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)
        done = self._run("predict", "-m", str(self.model), "-i", "bad.csv", "-o", "bad.json", "--rows", "5")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr.splitlines()[-1], "rows 6 to 10: ")
        self.assertEmpty(list(self.folder.glob("bad.json*")))
        self._nothing_is_left()

    def _children(self, parent: int) -> list[int]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(folder.name))
        return found

    def _name(self, pid: int) -> str:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()

    def _nothing_is_left(self) -> None:
        self.assertEmpty([*self.folder.glob("mlflow-serve-*"), *self.folder.glob("triton_*")])


if __name__ == "__main__":
    absltest.main()
