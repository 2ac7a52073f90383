"""The target `triton` of `mlflow deployments`, for MLflow 2.22 and 3; the entry point of group `mlflow.deployments`.

MLflow wants `run_local`, `target_help` and exactly one client class in this module.
"""

from mlflow_backend_utils.deployments.client import TritonDeploymentClient
from mlflow_backend_utils.deployments.help import target_help
from mlflow_backend_utils.deployments.local import run_local

__all__ = ["TritonDeploymentClient", "run_local", "target_help"]
