"""`serve`: from a model's URI to a server, in one step."""

from __future__ import annotations

import sys
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
    from mlflow_backend_utils.server import front, signals

    limits = {name: given.pop(name) for name in ("timeout", "max_pending")}
    limits["max_body_bytes"] = given.pop("max_body_mb") * 1024 * 1024
    what = wanted(given)
    steps = Steps()
    # A port that is taken is told before anything is built.
    with serving.listen(host, port) as listening:
        signals.end_as_by_ctrl_c()
        try:
            with session.running(what, steps) as served:

                def ready() -> None:
                    click.echo(f"ready after {steps.seconds():.1f} s", err=True)

                names = [served.name]
                if not front.run(served.server, served.repository, names, host, listening, ready, **limits):
                    sys.exit(f"the server ended by itself\n{served.server.log_text()}")
        except KeyboardInterrupt:
            sys.exit(130)
