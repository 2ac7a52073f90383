"""`gateway`: MLflow's scoring protocol in front of a Triton server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mlflow_backend_utils.messages.errors import InputError

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)

_LIMITS = (
    click.option(
        "-t",
        "--timeout",
        default=60.0,
        show_default=True,
        type=click.FloatRange(min=0.001),
        help="Seconds until a 504.",
    ),
    click.option(
        "--max-body-mb", default=100, show_default=True, type=click.IntRange(min=1), help="Larger bodies: 413."
    ),
    click.option(
        "--max-pending",
        default=1024,
        show_default=True,
        type=click.IntRange(min=1),
        help="Requests under way; more: 503.",
    ),
)


def gateway_limits(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that every gateway has."""
    for option in reversed(_LIMITS):
        command = option(command)
    return command


@click.command("gateway")
@click.option("--triton", default="127.0.0.1:8001", show_default=True, help="The server's gRPC endpoint, HOST:PORT.")
@click.option("--triton-http", default="", help="Its HTTP endpoint, for /v2/*. Empty: those paths are not served.")
@click.option("--model", default="", help="Model of /invocations. Empty: the only one that the server has.")
@click.option(
    "--model-repository",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The server's model repository, for models whose config.pbtxt does not hold what MLflow knows of them.",
)
@click.option("-h", "--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("-p", "--port", default=5000, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on.")
@gateway_limits
@click.option(
    "--token", envvar="MLFLOW_GATEWAY_TOKEN", default="", help="Bearer token to ask for; also MLFLOW_GATEWAY_TOKEN."
)
@click.option("--tls-certificate", type=_FILE, help="PEM file: serve HTTPS.")
@click.option("--tls-key", type=_FILE, help="PEM file with the certificate's private key.")
@click.option("--cors-origin", multiple=True, help="Origin whose pages may ask; repeatable. None: no page may.")
@click.option("--no-coalescing", is_flag=True, help="Send each request to the server by itself.")
@click.option("--no-shared-memory", is_flag=True, help="Send large requests over the connection, too.")
def gateway(
    triton: str,
    triton_http: str,
    model: str,
    model_repository: Path | None,
    host: str,
    port: int,
    timeout: float,
    max_body_mb: int,
    max_pending: int,
    token: str,
    tls_certificate: Path | None,
    tls_key: Path | None,
    cors_origin: tuple[str, ...],
    no_coalescing: bool,
    no_shared_memory: bool,
) -> None:
    """Serve /invocations, /ping, /health and /version as `mlflow models serve` does, from a Triton server."""
    if (tls_certificate is None) != (tls_key is None):
        raise InputError("give both --tls-certificate and --tls-key, or neither")
    # MLflow, pandas and the web server: only who serves waits for them.
    from mlflow_backend_utils.gateway import serve
    from mlflow_backend_utils.gateway.options import GatewayOptions

    options = GatewayOptions(
        triton=triton,
        triton_http=triton_http,
        default_model=model,
        repository=model_repository,
        timeout=timeout,
        max_body_bytes=max_body_mb * 1024 * 1024,
        max_pending=max_pending,
        token=token,
        cors_origins=cors_origin,
        coalesce=not no_coalescing,
        shared_memory=not no_shared_memory,
    )
    listening = serve.listen(host, port)
    click.echo(f"MLflow scoring protocol on {'https' if tls_key else 'http'}://{host}:{serve.port_of(listening)}")
    serve.run(options, listening, tls_certificate, tls_key)
