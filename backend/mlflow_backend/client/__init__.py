"""A typed client of models that the `mlflow` backend serves; works with any other model on Triton, too.

```python
with TritonModel("grpc://localhost:8001", "wine") as model:
    model.predict(frame)              # as the model's signature says
    model(alcohol=[13.2], ash=[2.4])  # by name, or by position in config.pbtxt's order
```
"""

from mlflow_backend.client.asynchronous import AsyncTritonModel
from mlflow_backend.client.errors import (
    ClientError,
    DeadlineError,
    InferenceError,
    InputError,
    ModelNotFoundError,
    UnavailableError,
)
from mlflow_backend.client.interface import Interface
from mlflow_backend.client.options import Options
from mlflow_backend.client.synchronous import TritonModel

__all__ = [
    "AsyncTritonModel",
    "ClientError",
    "DeadlineError",
    "InferenceError",
    "InputError",
    "Interface",
    "ModelNotFoundError",
    "Options",
    "TritonModel",
    "UnavailableError",
]
