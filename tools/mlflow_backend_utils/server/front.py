"""A server with MLflow's scoring protocol in front of it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlflow_backend_utils.gateway import serve
from mlflow_backend_utils.gateway.options import GatewayOptions
from mlflow_backend_utils.server.how_to_ask import print_how_to_ask
from mlflow_backend_utils.server.triton_server import TritonServer


def run(
    server: TritonServer,
    repository: Path,
    names: Sequence[str],
    host: str,
    listening: socket.socket,
    ready: Callable[[], None] = lambda: None,
    **options: Any,
) -> bool:
    """Tell how to ask the models, and serve them until SIGINT or SIGTERM, or until the server ends.

    Args:
      server: it runs.
      repository: its models.
      names: of the models; one alone is that of `/invocations`.
      host: address that `listening` was made for.
      listening: of the gateway.
      ready: is called when all is told.
      **options: further ones of `GatewayOptions`.

    Returns:
      Whether the server still runs.
    """
    print_how_to_ask(server, repository, names, f"http://{host}:{serve.port_of(listening)}")
    ready()
    gateway = GatewayOptions(
        triton=server.grpc_url,
        triton_http=server.http_url,
        default_model=names[0] if len(names) == 1 else "",
        repository=repository,
        **options,
    )
    return serve.run(gateway, listening, while_true=server.is_running)
