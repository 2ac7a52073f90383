"""How a model of one flavor is loaded and called.

A new flavor is one module with a class `Adapter` and one row of `_MODULES`. The first flavor of a model that has a row
is taken; every model that MLflow can serve has the flavor `python_function`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol, cast

from mlflow_backend import garbage
from mlflow_backend.errors import SchemaError
from mlflow_backend.metadata import ModelMetadata
from mlflow_backend.requests import DecodedRequest
from mlflow_backend.schema import ModelSchema

_MODULES: Mapping[str, str] = {
    "sklearn": "mlflow_backend.adapters.sklearn",
    "transformers": "mlflow_backend.adapters.transformers",
    "python_function": "mlflow_backend.adapters.pyfunc",
}


class Receiver(Protocol):
    """Takes an answer piece by piece."""

    def check(self) -> None:
        """Raises CancelledError when nobody waits for the answer any more; to be let through."""
        ...

    def send(self, piece: Any) -> None:
        """Takes a piece in any form that the model may return; raises what `check` raises."""
        ...


class Adapter(Protocol):
    """A loaded model."""

    def predict(self, request: DecodedRequest) -> Any:
        """Whatever the model returns for all rows of `request`, in their order; may raise anything."""
        ...

    def example_outputs(self) -> list[dict[str, Any]]:
        """The outputs that MLflow infers from what the model answers to its input example, as in a signature.

        May raise anything; only of a model with an input example.
        """
        ...

    def warm_up(self) -> None:
        """Have the model answer its input example; may raise anything. Only of a model with an input example."""
        ...

    @property
    def streamable(self) -> bool:
        """Whether the model can answer piece by piece."""
        ...

    def stream(self, request: DecodedRequest, receiver: Receiver) -> None:
        """Sends the pieces of an answer, each when the model has it; only of a streamable model. May raise anything.

        In the caller's thread, so that no other has to wake up before a piece is on its way.
        """
        ...


def load(metadata: ModelMetadata, schema: ModelSchema, model_config: Mapping[str, Any] | None = None) -> Adapter:
    """Load the model; this imports MLflow.

    Args:
        model_config: overrides of the model's own settings.

    Raises:
        SchemaError: the model has no python_function.
    """
    if "python_function" not in metadata.flavors:
        raise SchemaError(
            f"{metadata.folder}: the model has the flavors {', '.join(metadata.flavors)}, but not python_function, "
            "without which MLflow cannot serve it; save it with a flavor that has it."
        )
    module = next(module for flavor, module in _MODULES.items() if flavor in metadata.flavors)
    adapter = importlib.import_module(module).Adapter
    garbage.keep_libraries()
    return cast(Adapter, adapter(metadata, schema, model_config))
