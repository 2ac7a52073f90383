"""What the gateway does by itself, whatever the server does: here there is none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from absl.testing import absltest, parameterized

from mlflow_backend_utils.gateway import app
from mlflow_backend_utils.gateway.options import GatewayOptions

# Discard: nothing listens.
_NOWHERE = "127.0.0.1:9"
_PATHS = ("/invocations", "/models/m/invocations", "/models/m/versions/1/invocations", "/v2/models/m/infer")


def _ask(
    options: GatewayOptions, method: str, path: str, body: Iterable[bytes] = (b"",), **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer; `body` comes in these parts."""
    sent: list[Any] = []
    parts = list(body)

    async def receive() -> Any:
        if not parts:
            return {"type": "http.disconnect"}
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        application = app.create(options)
        lifespan: asyncio.Queue[Any] = asyncio.Queue()
        started = asyncio.Event()

        async def lifespan_send(_message: Any) -> None:
            started.set()

        task = asyncio.create_task(
            application({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, lifespan.get, lifespan_send)
        )
        lifespan.put_nowait({"type": "lifespan.startup"})
        await started.wait()
        raw = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": raw,
            "scheme": "http",
            "root_path": "",
        }
        await application(scope, receive, send)
        lifespan.put_nowait({"type": "lifespan.shutdown"})
        await task

    asyncio.run(run())
    start = next((message for message in sent if message["type"] == "http.response.start"), None)
    if start is None:
        return 0, {}, b""
    found = {key.decode(): value.decode() for key, value in start["headers"]}
    content = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return start["status"], found, content


class AppTest(parameterized.TestCase):
    options = GatewayOptions(triton=_NOWHERE, triton_http=_NOWHERE, default_model="m", max_body_bytes=10, timeout=5)

    @parameterized.parameters(*_PATHS)
    def test_no_server(self, path: str) -> None:
        status, headers, body = _ask(self.options, "POST", path, [b"{}"], content_type="application/json")
        self.assertEqual((status, headers["retry-after"]), (503, "1"), body)
        self.assertEqual(_ask(self.options, "GET", "/ping")[0], 404)

    @parameterized.product(path=_PATHS, parts=[(b"12345678901",), (b"123456", b"123456"), (b"1",) * 11])
    def test_body_too_large(self, path: str, parts: tuple[bytes, ...]) -> None:
        status, _, body = _ask(self.options, "POST", path, parts, content_type="application/json")
        self.assertEqual(status, 413)
        self.assertEqual(json.loads(body)["message"], "the body is larger than 10 bytes.")

    @parameterized.parameters(*_PATHS)
    def test_length_too_large(self, path: str) -> None:
        self.assertEqual(_ask(self.options, "POST", path, [b""], content_length="11")[0], 413)

    @parameterized.parameters(*_PATHS)
    def test_client_that_goes_away(self, path: str) -> None:
        status, _, body = _ask(self.options, "POST", path, [])
        self.assertEqual(body, b"")
        self.assertIn(status, (0, 499))

    @parameterized.parameters(*_PATHS, "/metrics", "/openapi.json")
    def test_token(self, path: str) -> None:
        options = GatewayOptions(triton=_NOWHERE, triton_http=_NOWHERE, token="secret")
        method = "GET" if path in ("/metrics", "/openapi.json") else "POST"
        for given in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}):
            status, _, body = _ask(options, method, path, **given)
            self.assertEqual((status, json.loads(body)["error_code"]), (401, "UNAUTHENTICATED"))
        self.assertNotEqual(_ask(options, method, path, authorization="Bearer secret")[0], 401)

    @parameterized.parameters(*_PATHS)
    def test_pages_of_other_origins(self, path: str) -> None:
        ask = {"origin": "https://page.example", "access_control_request_method": "POST"}
        self.assertNotIn("access-control-allow-origin", _ask(self.options, "OPTIONS", path, **ask)[1])
        options = GatewayOptions(triton=_NOWHERE, triton_http=_NOWHERE, cors_origins=("https://page.example",))
        for method in ("OPTIONS", "POST"):
            headers = _ask(options, method, path, [b"{}"], **ask)[1]
            self.assertEqual(headers.get("access-control-allow-origin"), "https://page.example", method)
        others = _ask(options, "OPTIONS", path, **{**ask, "origin": "https://other.example"})[1]
        self.assertNotIn("access-control-allow-origin", others)

    @parameterized.parameters(("GET", "/invocations", 405), ("POST", "/ping", 405), ("GET", "/nowhere", 404))
    def test_other_paths(self, method: str, path: str, status: int) -> None:
        self.assertEqual(_ask(self.options, method, path)[0], status)

    def test_without_the_server_s_own_api(self) -> None:
        self.assertEqual(_ask(GatewayOptions(triton=_NOWHERE), "GET", "/v2/health/ready")[0], 404)


if __name__ == "__main__":
    absltest.main()
