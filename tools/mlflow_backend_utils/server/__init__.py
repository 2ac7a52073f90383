"""Real Triton servers: started, asked, and stopped without a trace."""

from mlflow_backend_utils.server.triton_server import ServerError, TritonServer

__all__ = ["ServerError", "TritonServer"]
