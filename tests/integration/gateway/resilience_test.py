"""What clients, and a server that dies, can do to a gateway: nothing that lasts."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

from absl.testing import absltest

from tests.certificates import certificates
from tests.integration.gateway import running

_MODEL = "frame_total"
_TEXTS_MODEL = "texts_joined"
_JSON = "application/json"
_GOOD = json.dumps({"dataframe_split": {"columns": ["x", "y"], "data": [[1.5, 2.0]]}}).encode()
_ANSWER = b'{"predictions": [{"0": 3.5}]}'
_HEAD = (
    f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: {_JSON}\r\nContent-Length: {len(_GOOD)}\r\n\r\n".encode()
)
_IDLE_CONNECTIONS = 1000
# What an allocator keeps after a burst.
_MOST_MIB_MORE = 64


def _rss(pid: int) -> int:
    """MiB of a process that lie in no file."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) >> 10


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _body(connection: socket.socket) -> bytes:
    """The body of the answer that comes."""
    with http.client.HTTPResponse(connection) as answer:
        answer.begin()
        return answer.read()


class ResilienceTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.scratch = Path(os.environ["TEST_TMPDIR"])
        cls.models = running.repository(cls.scratch / "models", [_MODEL])
        cls.server = cls.enterClassContext(running.triton(cls.models))
        cls.port, cls.pid = cls.enterClassContext(
            running.gateway(cls.server.grpc_url, cls.scratch, "--max-body-mb", "1", http_url=cls.server.http_url)
        )

    def _good(self) -> None:
        answer = running.ask(self.port, "/invocations", _GOOD, _JSON)
        self.assertEqual((answer.status, answer.body), (200, _ANSWER))

    def setUp(self) -> None:
        super().setUp()
        self._good()

    def test_idle_connections(self) -> None:
        before = _rss(self.pid), _descriptors(self.pid)
        with contextlib.ExitStack() as stack:
            for _ in range(_IDLE_CONNECTIONS):
                stack.enter_context(socket.create_connection(("127.0.0.1", self.port)))
            self._good()
        self._good()
        self._settles(before)

    def test_slow_clients(self) -> None:
        """Some send a byte now and then, some never read: others are answered meanwhile."""
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(socket.create_connection(("127.0.0.1", self.port))) for _ in range(20)]
            for byte in _HEAD[:40]:
                for one in slow:
                    one.send(bytes([byte]))
                self._good()
            whole = stack.enter_context(socket.create_connection(("127.0.0.1", self.port)))
            whole.sendall(_HEAD + _GOOD)
            self.assertEqual(_body(whole), _ANSWER)

    def test_oversized_bodies(self) -> None:
        for size in (1 << 20, (1 << 20) + 1, 8 << 20):
            body = b'{"inputs": "' + b"x" * (size - 14) + b'"}'
            with contextlib.suppress(ConnectionError):  # refused before it was read
                answer = running.ask(self.port, "/invocations", body, _JSON)
                self.assertEqual(answer.status, 413 if size > 1 << 20 else 400, answer.body[:200])
            self._good()

    def test_oversized_body_in_chunks(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection), contextlib.suppress(ConnectionError):
            connection.request(
                "POST", "/invocations", iter([b"x" * 65536] * 64), {"Content-Type": _JSON}, encode_chunked=True
            )
            self.assertEqual(connection.getresponse().status, 413)
        self._good()

    def test_a_client_that_goes_away(self) -> None:
        before = _rss(self.pid), _descriptors(self.pid)
        for cut in (10, len(_HEAD), len(_HEAD) + 5, len(_HEAD) + len(_GOOD)):
            for _ in range(50):
                with socket.create_connection(("127.0.0.1", self.port)) as one:
                    one.sendall((_HEAD + _GOOD)[:cut])
        self._good()
        self._settles(before)

    def test_the_server_is_killed_and_started_again_under_load(self) -> None:
        """503 with Retry-After while it is away, answers again when it is back, without help."""
        ports = [int(url.rpartition(":")[2]) for url in (self.server.http_url, self.server.grpc_url)]
        seen: list[running.Answer] = []
        done = threading.Event()

        def load() -> None:
            while not done.is_set():
                seen.append(running.ask(self.port, "/invocations", _GOOD, _JSON))

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            tasks = [pool.submit(load) for _ in range(4)]
            try:
                time.sleep(0.5)
                os.kill(self.server.pid, signal.SIGKILL)
                self._until(503)
                self.assertEqual(self._health(), 404)
                type(self).server.__exit__(None, None, None)
                type(self).server = self.enterClassContext(running.triton(self.models, *ports))
                self._until(200)
                self.assertEqual(self._health(), 200)
            finally:
                done.set()
            for task in tasks:
                task.result()
        self.assertEqual({answer.status for answer in seen} - {200, 503}, set())
        for answer in seen:
            if answer.status == 200:
                self.assertEqual(answer.body, _ANSWER)
            else:
                self.assertEqual(json.loads(answer.body)["error_code"], "TEMPORARILY_UNAVAILABLE")

    def test_load_leaves_nothing(self) -> None:
        def some(count: int) -> None:
            for number in range(count):
                body = _GOOD if number % 3 else b'{"inputs": {"x": ["a"]}}'
                running.ask(self.port, "/invocations", body, _JSON)

        def all_of(count: int) -> None:
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(some, [count] * 8))

        all_of(50)
        before = _rss(self.pid), _descriptors(self.pid)
        all_of(150)
        self._settles(before)

    def test_graceful_shutdown(self) -> None:
        """A request under way is answered after the gateway was told to stop."""
        with (
            running.gateway(self.server.grpc_url, self.scratch) as (port, pid),
            socket.create_connection(("127.0.0.1", port), timeout=30) as one,
        ):
            one.sendall(_HEAD + _GOOD[:-1])
            time.sleep(0.2)
            os.kill(pid, signal.SIGTERM)
            time.sleep(0.2)
            one.sendall(_GOOD[-1:])
            self.assertEqual(_body(one), _ANSWER)

    def test_token(self) -> None:
        with running.gateway(self.server.grpc_url, self.scratch, "--token", "secret") as (port, _):
            self.assertEqual(running.ask(port, "/invocations", _GOOD, _JSON).status, 401)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            with contextlib.closing(connection):
                for token, wanted in (("secret", 200), ("secre", 401), ("", 401)):
                    headers = {"Content-Type": _JSON, "Authorization": f"Bearer {token}"}
                    connection.request("POST", "/invocations", _GOOD, headers)
                    answer = connection.getresponse()
                    answer.read()
                    self.assertEqual(answer.status, wanted)

    def test_tls(self) -> None:
        certificate, key = certificates.make(self.scratch)
        options = ("--tls-certificate", str(certificate), "--tls-key", str(key))
        context = ssl.create_default_context(cafile=str(certificate))
        with running.gateway(self.server.grpc_url, self.scratch, *options, secure=context) as (port, _):
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
            with contextlib.closing(connection):
                connection.request("POST", "/invocations", _GOOD, {"Content-Type": _JSON})
                self.assertEqual(connection.getresponse().read(), _ANSWER)

    def test_shared_memory(self) -> None:
        """Large requests go through regions that nobody sees a file of, also after the server was started anew."""
        rows = 5_000
        numbers = {"x": [0.5] * rows, "y": list(range(rows))}
        texts = {"first": ["é" * 10] * rows, "last": [str(number) for number in range(rows)]}
        joined = [f"{first}|{last}" for first, last in zip(*texts.values(), strict=True)]
        corpus = [
            (_MODEL, numbers, [{"0": 0.5 + number} for number in range(rows)]),
            (_TEXTS_MODEL, texts, [{"0": text} for text in joined]),
        ]
        models = running.repository(self.scratch / "large", [_MODEL, _TEXTS_MODEL], max_batch_size=rows)
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(running.triton(models))
            ports = [int(url.rpartition(":")[2]) for url in (server.http_url, server.grpc_url)]
            port, pid = stack.enter_context(running.gateway(server.grpc_url, self.scratch, http_url=server.http_url))

            def ask() -> None:
                for model, inputs, wanted in corpus:
                    body = json.dumps({"inputs": inputs}).encode()
                    answer = running.ask(port, f"/models/{model}/invocations", body, _JSON)
                    self.assertEqual(answer.status, 200, answer.body[:500])
                    self.assertEqual(json.loads(answer.body)["predictions"], wanted)

            def look() -> None:
                names = [region["name"] for region in self._get(port, "/v2/systemsharedmemory/status")]
                self.assertNotEmpty([name for name in names if name.startswith(f"mlflow_gateway_{pid}_")])
                self.assertEmpty(list(Path("/dev/shm").glob("mlflow_gateway_*")))

            ask()
            look()
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                for done in [pool.submit(ask) for _ in range(12)]:
                    done.result()
            os.kill(server.pid, signal.SIGKILL)
            server.stop()
            with running.triton(models, *ports):
                # The first one finds that the region is lost, and goes without.
                ask()
                ask()
                look()

    def _get(self, port: int, path: str) -> Any:
        return json.loads(running.ask_get(port, path).body)

    def test_metrics(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        self.assertRegex(text, r'mlflow_gateway_requests_total\{path="/invocations",status="200"\} [1-9]')
        self.assertRegex(text, r"mlflow_gateway_seconds_count [1-9]")

    def test_triton_s_own_api(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", f"/v2/models/{_MODEL}")
            self.assertEqual(json.loads(connection.getresponse().read())["name"], _MODEL)
            inputs: list[dict[str, Any]] = [
                {"name": name, "datatype": "FP64", "shape": [1, 1], "data": [value]}
                for name, value in (("x", 1.5), ("y", 2))
            ]
            connection.request("POST", f"/v2/models/{_MODEL}/infer", json.dumps({"inputs": inputs}))
            answer = json.loads(connection.getresponse().read())
            self.assertIn([3.5], [output["data"] for output in answer["outputs"]])
            connection.request("GET", "/v2/models/none")
            self.assertEqual(connection.getresponse().status, 404)

    def _until(self, status: int) -> None:
        end = time.monotonic() + 30
        while running.ask(self.port, "/invocations", _GOOD, _JSON).status != status:
            self.assertLess(time.monotonic(), end, f"no {status} within 30 s")
            time.sleep(0.05)

    def _health(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", "/ping")
            return connection.getresponse().status

    def _settles(self, before: tuple[int, int]) -> None:
        """Memory and descriptors are soon what they were."""
        end = time.monotonic() + 10
        while True:
            memory, descriptors = _rss(self.pid), _descriptors(self.pid)
            if descriptors <= before[1] + 8 and memory < before[0] + _MOST_MIB_MORE:
                return
            self.assertLess(time.monotonic(), end, f"{before} became {memory, descriptors}")
            time.sleep(0.1)


if __name__ == "__main__":
    absltest.main()
