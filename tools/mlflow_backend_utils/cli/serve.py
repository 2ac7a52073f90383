"""`serve`: from a model's URI to a server, in one step."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import click

from mlflow_backend_utils.cli.gateway import gateway_limits
from mlflow_backend_utils.cli.serving_options import serving_options, wanted


@click.command("serve")
@serving_options
@click.option("-h", "--host", default="127.0.0.1", show_default=True, help="Address of the scoring gateway.")
@click.option(
    "-p", "--port", default=5000, show_default=True, type=click.IntRange(0, 65535), help="Its port; 0: any free one."
)
@gateway_limits
def serve(host: str, port: int, **given: Any) -> None:
    """Serve a model on a Triton server of its own, with MLflow's scoring protocol in front, until Ctrl-C.

    What is missing is built: the environment from the model's requirements, the stub, and where the machine has no
    Triton server, the one of the tests. All of it is kept for the next time.
    """
    from mlflow_backend_utils.gateway import serve as serving
    from mlflow_backend_utils.messages.steps import Steps
    from mlflow_backend_utils.provision import session

    limits = {name: given.pop(name) for name in ("timeout", "max_body_mb", "max_pending")}
    what = wanted(given)
    steps = Steps()
    # A port that is taken is told before anything is built.
    with serving.listen(host, port) as listening:
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            with session.running(what, steps) as served:
                _serve(served, listening, host, limits, steps)
        except KeyboardInterrupt:
            sys.exit(130)


def _serve(served: Any, listening: Any, host: str, limits: dict[str, Any], steps: Any) -> None:
    from mlflow_backend_utils.gateway import serve as serving
    from mlflow_backend_utils.gateway.options import GatewayOptions
    from mlflow_backend_utils.server.how_to_ask import print_how_to_ask

    server = served.server
    options = GatewayOptions(
        triton=server.grpc_url,
        triton_http=server.http_url,
        default_model=served.name,
        repository=Path(served.repository),
        timeout=limits["timeout"],
        max_body_bytes=limits["max_body_mb"] * 1024 * 1024,
        max_pending=limits["max_pending"],
    )
    url = f"http://{host}:{serving.port_of(listening)}"
    print_how_to_ask(server, served.repository, [served.name], url)
    click.echo(f"ready after {steps.seconds():.1f} s", err=True)
    if not serving.run(options, listening, while_true=server.is_running):
        sys.exit(f"the server ended by itself\n{server.log_text()}")


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
