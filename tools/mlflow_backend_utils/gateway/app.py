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
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from mlflow_backend_utils.gateway import errors, events, exact, openapi
from mlflow_backend_utils.gateway.limits import Limits
from mlflow_backend_utils.gateway.metrics import Metrics
from mlflow_backend_utils.gateway.models import Models, Served
from mlflow_backend_utils.gateway.options import GatewayOptions
from mlflow_backend_utils.gateway.passthrough import Passthrough
from mlflow_backend_utils.gateway.scoring import Scoring
from mlflow_backend_utils.gateway.triton import Triton

_JSON = "application/json"
_EVENTS = "text/event-stream"
# MLflow's parser holds the interpreter's lock most of the time: more threads only make it slower.
_PARSER_THREADS = 8
_TIMED_OUT = "Request processing time exceeded limit"
_PING_SECONDS = 5.0


def create(options: GatewayOptions) -> FastAPI:
    """The application; it looks for its models when they are asked for, so a server may come later."""
    gateway = _Gateway(options)
    middleware = [Middleware(Limits, options=options, metrics=gateway.metrics)]
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
            served = await self._models.get(request.path_params.get("name", ""), request.path_params.get("version", ""))
            if served.interface.decoupled:
                return await self._pieces(request, body, served)
            content_type = request.headers.get("content-type", "")
            reply = await self._scoring.reply(body, content_type, served)
        except ClientDisconnect:
            return Response(status_code=499)
        except HTTPException:
            raise
        except Exception as error:
            return self._trouble(error)
        return Response(reply.body, reply.status, media_type=reply.media_type)

    async def _pieces(self, request: Request, body: bytes, served: Served) -> Response:
        """The pieces of a decoupled model's answer: as events, or as one list of them."""
        question = events.read(body, served.interface)
        pieces = served.stream(question.tensors, question.params)
        if question.is_stream or _EVENTS in request.headers.get("accept", ""):
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
        raise error

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
