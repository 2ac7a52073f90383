"""Runs the gateway until it is told to stop."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn

from mlflow_backend_utils.gateway import app
from mlflow_backend_utils.gateway.options import GatewayOptions
from mlflow_backend_utils.messages.errors import InputError

# Seconds that requests under way get when the gateway is told to stop.
_GRACE_SECONDS = 30
# Seconds between two looks at what the gateway depends on.
_WATCH_SECONDS = 0.5
# Connections that may wait to be accepted.
_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        port: 0: any free one.

    Raises:
        InputError: the address is not this machine's, or the port is taken.
    """
    try:
        return socket.create_server((host, port), backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        raise InputError(f"cannot listen on {host}:{port}: {error}; choose another --host or --port") from None


def port_of(listening: socket.socket) -> int:
    """The port that a socket listens on."""
    return int(listening.getsockname()[1])


def run(
    options: GatewayOptions,
    listening: socket.socket,
    certificate: Path | None = None,
    key: Path | None = None,
    while_true: Callable[[], bool] = lambda: True,
) -> bool:
    """Serve until SIGINT or SIGTERM; requests under way are answered first.

    Args:
        options: the gateway's settings.
        listening: where; see `listen`.
        certificate: PEM file, for TLS.
        key: PEM file of the certificate's private key.
        while_true: asked now and then; the gateway ends when it is not.

    Returns:
        Whether it still was at the end.
    """
    config = uvicorn.Config(
        app.create(options),
        interface="asgi3",
        http="httptools",
        loop="uvloop",
        access_log=False,
        log_level="warning",
        lifespan="on",
        ws="none",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    server = uvicorn.Server(config)

    def watch() -> None:
        while not server.should_exit:
            server.should_exit = not while_true()
            time.sleep(_WATCH_SECONDS)

    threading.Thread(target=watch, name="watch", daemon=True).start()
    server.run(sockets=[listening])
    return while_true()
