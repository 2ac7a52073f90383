"""Serves models on a real Triton server until it is told to stop, and says how to ask them."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from absl import app, flags

from mlflow_backend_utils.server import driver, example, reference
from mlflow_backend_utils.server.clients import HttpClient
from mlflow_backend_utils.server.triton_server import ServerError, TritonServer

_HTTP_PORT = flags.DEFINE_integer("http_port", 0, "Port of the HTTP endpoint; 0 for any free one.", lower_bound=0)


def print_how_to_ask(server: TritonServer, models: Path, names: Sequence[str]) -> None:
    """Print the endpoints, and for each model a `curl` line with its own input example."""
    print(f"HTTP    http://{server.http_url}")
    print(f"gRPC    {server.grpc_url}")
    print(f"metrics http://{server.metrics_url}/metrics")
    for name in names:
        with HttpClient(server.http_url, binary=False) as client:
            info = client.model_info(name)
        path = reference.newest_version(models / name) / "serving_input_example.json"
        body = example.request_body(info, json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
        print(f"\n{name}:")
        print(example.curl_line(server.http_url, name, body) if body else "  has no input example to show")
    print("\nCtrl-C stops the server.", flush=True)


def _stop(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str]) -> None:
    """Command line entry."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}")
    signal.signal(signal.SIGTERM, _stop)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            models = driver.repository(Path(scratch))
            names = driver.model_names(models)
            server = TritonServer(
                models, driver.tritonserver(), driver.backends(), http_port=_HTTP_PORT.value or None, stop_seconds=40
            )
            with server:
                print_how_to_ask(server, models, names)
                try:
                    while os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                        time.sleep(0.5)
                    print(f"the server ended by itself\n{server.log_text()}", file=sys.stderr)
                except KeyboardInterrupt:
                    print("stopping", flush=True)
        except KeyboardInterrupt:
            sys.exit(130)
        except (driver.UsageError, reference.ReferenceError, ServerError, FileNotFoundError) as error:
            sys.exit(f"serve: {error}")


if __name__ == "__main__":
    app.run(main)
