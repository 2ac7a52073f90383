"""Tells a person how to ask the models of a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mlflow_backend_utils.server import example, reference
from mlflow_backend_utils.server.clients import HttpClient
from mlflow_backend_utils.server.triton_server import TritonServer


def print_how_to_ask(server: TritonServer, models: Path, names: Sequence[str], scoring_url: str = "") -> None:
    """Print the endpoints, and for each model `curl` lines with its own input example.

    Args:
      server: it runs.
      models: its repository.
      names: the models.
      scoring_url: of a gateway with MLflow's scoring protocol; "": there is none.
    """
    if scoring_url:
        print(f"MLflow  {scoring_url}/invocations")
    print(f"HTTP    http://{server.http_url}")
    print(f"gRPC    {server.grpc_url}")
    print(f"metrics http://{server.metrics_url}/metrics")
    for name in names:
        with HttpClient(server.http_url, binary=False) as client:
            info = client.model_info(name)
        path = reference.newest_version(models / name) / "serving_input_example.json"
        saved = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        body = example.request_body(info, saved) if saved else None
        print(f"\n{name}:")
        if saved and scoring_url:
            path_of = "/invocations" if len(names) == 1 else f"/models/{name}/invocations"
            print(example.scoring_line(scoring_url + path_of, saved))
        print(example.curl_line(server.http_url, name, body) if body else "  has no input example to show")
    print("\nCtrl-C stops the server.", flush=True)
