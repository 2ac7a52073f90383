"""Runs the gateway until it is told to stop."""

from __future__ import annotations

import socket
from pathlib import Path

import uvicorn

from mlflow_backend_utils.gateway import app
from mlflow_backend_utils.gateway.options import GatewayOptions

# Seconds that requests under way get when the gateway is told to stop.
_GRACE_SECONDS = 30


def run(
    options: GatewayOptions,
    host: str,
    port: int,
    certificate: Path | None = None,
    key: Path | None = None,
    listening: socket.socket | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are answered first.

    Args:
        options: the gateway's settings.
        host: address to listen on.
        port: port to listen on.
        certificate: PEM file, for TLS.
        key: PEM file of the certificate's private key.
        listening: a socket that listens already, instead of `host` and `port`.
    """
    config = uvicorn.Config(
        app.create(options),
        host=host,
        port=port,
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
    uvicorn.Server(config).run(sockets=[listening] if listening else None)
