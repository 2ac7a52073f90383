"""What `mlflow deployments help -t triton` says."""

from __future__ import annotations

from mlflow_backend_utils.deployments.options import KEYS

_HELP = """Deploys MLflow models to a Triton Inference Server in explicit model control mode.

Target: triton (the server of TRITON_URL), or triton://HOST:PORT, its gRPC endpoint.

Environment variables:
  TRITON_URL         gRPC endpoint, HOST:PORT, or a URL grpc[s]://… or http[s]://…; localhost:8001 if not set.
  TRITON_MODEL_REPO  the server's model repository, as this machine sees it: a folder, s3://BUCKET[/PREFIX], or
                     s3://[https://]HOST:PORT/BUCKET[/PREFIX] for S3 at that address.

Flavors (-f):
  python_function    any model that mlflow.pyfunc loads, for the backend `mlflow`; the default.
  triton             a model folder of Triton, with config.pbtxt, that the model holds as artifact.
  onnx               model.onnx for the backend `onnxruntime`.

Options (-C name=value):
{options}

Example:
  mlflow deployments create -t triton --name wine -m models:/wine@champion -C conda_pack=conda-pack.tar.gz
"""


def target_help() -> str:
    """The text."""
    return _HELP.format(options="\n".join(f"  {name:<30}{text}" for name, text in KEYS.items()))
