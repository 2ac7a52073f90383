"""The gateway as an ASGI application.

| path | answer |
| --- | --- |
| `POST /invocations` | MLflow's scoring protocol, of the default model |
| `POST /models/NAME/invocations`, `POST /models/NAME/versions/N/invocations` | of another model |
| `GET /ping`, `/health`, `/version` | as MLflow's scoring server |
| `/v2/…` | Triton's own HTTP API |
| `GET /metrics` | of the gateway, for Prometheus |

With `Accept: text/event-stream`, or `"stream": true` in a bare document, a decoupled model answers piece by piece, as
server-sent events; `[DONE]` is the last.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from mlflow_backend_utils.gateway import bodies, errors, events, exact, openapi
from mlflow_backend_utils.gateway.exact import Reply
from mlflow_backend_utils.gateway.limits import Limits
from mlflow_backend_utils.gateway.metrics import Metrics
from mlflow_backend_utils.gateway.models import Models, Served
from mlflow_backend_utils.gateway.options import GatewayOptions
from mlflow_backend_utils.gateway.passthrough import Passthrough
from mlflow_backend_utils.gateway.scoring import Scoring
from mlflow_backend_utils.gateway.triton import Triton

_LOGGER = logging.getLogger(__name__)

_JSON = "application/json"
_EVENTS = "text/event-stream"
# MLflow's parser holds the interpreter's lock most of the time: more threads only make it slower.
_PARSER_THREADS = 8
_TIMED_OUT = "Request processing time exceeded limit"
_PING_SECONDS = 5.0


def create(options: GatewayOptions) -> Limits:
    """The ASGI application; it looks for its models when they are asked for, so a server may come later."""
    gateway = _Gateway(options)
    app = _framework(gateway, options)
    # Pages of other origins need headers that only the framework adds.
    doors = app if options.cors_origins else _Doors(gateway, app)
    return Limits(doors, options, gateway.metrics)


def _framework(gateway: _Gateway, options: GatewayOptions) -> FastAPI:
    """Every path, by FastAPI."""
    middleware = []
    if options.cors_origins:
        middleware.append(Middleware(CORSMiddleware, allow_origins=list(options.cors_origins), allow_methods=["*"]))
    app = FastAPI(title="MLflow scoring gateway", lifespan=gateway.lifespan, middleware=middleware)
    app.add_route("/invocations", gateway.invocations, methods=["POST"])
    app.add_route("/models/{name}/invocations", gateway.invocations, methods=["POST"])
    app.add_route("/models/{name}/versions/{version}/invocations", gateway.invocations, methods=["POST"])
    for path in ("/ping", "/health"):
        app.add_route(path, gateway.ping, methods=["GET"])
    app.add_route("/version", gateway.version, methods=["GET"])
    app.add_route("/metrics", gateway.show_metrics, methods=["GET"])
    if options.triton_http:
        app.mount("/v2", gateway.passthrough)
    app.openapi = lambda: openapi.document(app, options)  # type: ignore[method-assign]
    return app


class _Doors:
    """`POST /invocations` without the framework, whose layers take longer than the request is parsed in."""

    def __init__(self, gateway: _Gateway, others: Any) -> None:
        self._gateway = gateway
        self._others = others

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/invocations" or scope["method"] != "POST":
            await self._others(scope, receive, send)
            return
        body = await bodies.read(receive)
        if body is None:
            return
        headers = dict(scope["headers"])
        content_type, accept = (headers.get(key, b"").decode("latin-1") for key in (b"content-type", b"accept"))
        answer = await self._gateway.answer(body, content_type, accept)
        if isinstance(answer, Response):
            await answer(scope, receive, send)
            return
        start = [(b"content-type", answer.media_type.encode()), (b"content-length", b"%d" % len(answer.body))]
        await send({"type": "http.response.start", "status": answer.status, "headers": start})
        await send({"type": "http.response.body", "body": answer.body})


class _Gateway:
    def __init__(self, options: GatewayOptions) -> None:
        self._options = options
        self._scoring = Scoring(_PARSER_THREADS)
        self.metrics = Metrics()
        self.passthrough = Passthrough(options.triton_http, options.timeout)

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        """Connections live as long as the event loop that serves."""
        self._triton = Triton(self._options.triton, self._options.shared_memory)
        self._models = Models(self._triton, self._options)
        try:
            yield
        finally:
            self._scoring.close()
            await self.passthrough.close()
            await self._triton.close()

    async def invocations(self, request: Request) -> Response:
        """Answers with the model that the path names."""
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=499)
        headers, model = request.headers, request.path_params
        answer = await self.answer(body, headers.get("content-type", ""), headers.get("accept", ""), **model)
        if isinstance(answer, Response):
            return answer
        return Response(answer.body, answer.status, media_type=answer.media_type)

    async def answer(
        self, body: bytes, content_type: str, accept: str, name: str = "", version: str = ""
    ) -> Reply | Response:
        """The answer to a request for a model; see `Models.get` for its name."""
        try:
            served = await self._models.get(name, version)
            if served.interface.decoupled:
                return await self._pieces(body, accept, served)
            return await self._scoring.reply(body, content_type, served)
        except Exception as error:
            return self._trouble(error)

    async def _pieces(self, body: bytes, accept: str, served: Served) -> Response:
        """The pieces of a decoupled model's answer: as events, or as one list of them."""
        question = events.read(body, served.interface)
        pieces = served.stream(question.tensors, question.params)
        if question.is_stream or _EVENTS in accept:
            return StreamingResponse(self._events(pieces, served, question.is_wrapped), media_type=_EVENTS)
        async with contextlib.aclosing(pieces):
            found = [events.value(piece, served.interface, question.is_wrapped) async for piece in pieces]
        return Response(json.dumps({"predictions": found} if question.is_wrapped else found), media_type=_JSON)

    async def _events(self, pieces: AsyncGenerator[Any], served: Served, is_wrapped: bool) -> AsyncGenerator[str]:
        async with contextlib.aclosing(pieces):
            try:
                async for piece in pieces:
                    value = events.value(piece, served.interface, is_wrapped)
                    yield events.event({"predictions": value} if is_wrapped else value)
                yield events.DONE
            except Exception as error:
                yield events.event(json.loads(bytes(self._trouble(error).body)))

    def _trouble(self, error: Exception) -> Response:
        if isinstance(error, errors.DeadlineExceededError):
            return Response(_TIMED_OUT, 504, media_type=_JSON)
        if isinstance(error, errors.GatewayError):
            if error.status in (404, 503):
                self._models.forget()
            return _error(error.status, error.code, str(error), error.retry_after)
        if isinstance(error, (errors.ModelRaisedError, errors.ModelRefusedError)):
            return _error(getattr(error, "status", 400), "BAD_REQUEST", str(error))
        _LOGGER.error("a request failed", exc_info=error)
        return _error(500, "INTERNAL_ERROR", f"{type(error).__name__}: {error}; the gateway's log tells where.")

    async def ping(self, _request: Request) -> Response:
        """Healthy if the default model answers."""
        try:
            served = await self._models.get()
            is_ready = await self._triton.is_ready(served.interface.name, "", _PING_SECONDS)
        except errors.GatewayError as error:
            self._models.forget()
            # A server with several models has no default one.
            is_ready = error.status == 404 and await self._is_server_ready()
        except errors.DeadlineExceededError:
            is_ready = False
        return Response("\n", 200 if is_ready else 404, media_type=_JSON)

    async def _is_server_ready(self) -> bool:
        with contextlib.suppress(errors.GatewayError, errors.DeadlineExceededError):
            return await self._triton.is_ready("", "", _PING_SECONDS)
        return False

    async def version(self, _request: Request) -> Response:
        """MLflow's version."""
        return Response(exact.version(), media_type=_JSON)

    async def show_metrics(self, _request: Request) -> Response:
        """What Prometheus reads."""
        body, media_type = self.metrics.text()
        return Response(body, media_type=media_type)


def _error(status: int, code: str, message: str, retry_after: int = 0) -> Response:
    headers: Mapping[str, str] = {"Retry-After": str(retry_after)} if retry_after else {}
    body = json.dumps({"error_code": code, "message": message})
    return Response(body, status, headers=dict(headers), media_type=_JSON)
