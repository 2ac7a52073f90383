"""Serves models on a real Triton server, with MLflow's scoring protocol in front, and says how to ask them."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

from mlflow_backend_utils.gateway import serve
from mlflow_backend_utils.messages.errors import InputError
from mlflow_backend_utils.messages.steps import Steps
from mlflow_backend_utils.server import driver, front, reference, signals
from mlflow_backend_utils.server.triton_server import ServerError, TritonServer

_HOST = flags.DEFINE_string("host", "127.0.0.1", "Address of MLflow's scoring protocol.")
_PORT = flags.DEFINE_integer("port", 0, "Its port; 0 for any free one.", lower_bound=0, upper_bound=65535)
_HTTP_PORT = flags.DEFINE_integer("http_port", 0, "Port of Triton's HTTP endpoint; 0 for any free one.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    """Command line entry."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}")
    signals.end_as_by_ctrl_c()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            models = driver.repository(Path(scratch))
            names = driver.model_names(models)
            server = TritonServer(
                models, driver.tritonserver(), driver.backends(), http_port=_HTTP_PORT.value or None, stop_seconds=40
            )
            with serve.listen(_HOST.value, _PORT.value) as listening, contextlib.ExitStack() as stack:
                with Steps().step("starting the server"):
                    stack.enter_context(server)
                try:
                    if not front.run(server, models, names, _HOST.value, listening):
                        print(f"the server ended by itself\n{server.log_text()}", file=sys.stderr)
                except KeyboardInterrupt:
                    print("stopping", flush=True)
        except KeyboardInterrupt:
            sys.exit(130)
        except (driver.UsageError, reference.ReferenceError, InputError, ServerError, FileNotFoundError) as error:
            sys.exit(f"serve: {error}")


if __name__ == "__main__":
    app.run(main)
