"""MLflow's own scoring server, around a model that is somewhere else.

`mlflow.pyfunc.scoring_server.invocations` parses, enforces, asks and answers; what it asks is a `PyFuncModel` whose
implementation sends tensors to Triton. So every body, status and error text is MLflow's by construction.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mlflow_backend.client import values
from mlflow_backend.client.errors import ClientError
from mlflow_backend.client.interface import Interface
from mlflow_backend.metadata import ModelMetadata
from mlflow_backend_utils.gateway import errors, replies
from mlflow_backend_utils.gateway.tensors import Array

_LOGGER = logging.getLogger(__name__)

# Asks the model: tensors and MLflow's params in, tensors out.
Ask = Callable[[Mapping[str, Array], Mapping[str, Any]], Mapping[str, Array]]


class Reply(NamedTuple):
    """What goes to the client."""

    body: bytes
    status: int
    media_type: str


# What MLflow's server answers to a body at which its parser breaks, such as columns named by an object.
BROKEN = Reply(b"Internal Server Error", 500, "text/plain; charset=utf-8")


def version() -> str:
    """MLflow's version, as `/version` tells it."""
    from mlflow.version import VERSION

    return str(VERSION)


def invocations(body: bytes, content_type: str, interface: Interface, ask: Ask) -> Reply:
    """The reply of MLflow's scoring server to a request; blocks while `ask` does.

    Raises:
        GatewayError, DeadlineExceededError: `ask` had trouble that MLflow's server cannot have.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.pyfunc import scoring_server

    model = _remote_model(interface, ask)
    try:
        answer = scoring_server.invocations(body, content_type, model, model.metadata.get_input_schema())
    except MlflowException as error:
        if isinstance(model._model_impl.trouble, Exception):
            raise model._model_impl.trouble from None
        return Reply(error.serialize_as_json().encode(), error.get_http_status_code(), "application/json")
    except Exception as error:
        if model._model_impl.is_asked:
            raise
        _LOGGER.info("MLflow's parser breaks at a body: %s: %s", type(error).__name__, error)
        return BROKEN
    return Reply(answer.response.encode(), answer.status, answer.mimetype)


def _remote_model(interface: Interface, ask: Ask) -> Any:
    from mlflow.pyfunc import PyFuncModel

    return PyFuncModel(_mlflow_model(interface), _Remote(interface, ask))


def _mlflow_model(interface: Interface) -> Any:
    from mlflow.models import Model

    document = _document(interface)
    flavors = document.setdefault("flavors", {"python_function": {"loader_module": "mlflow.pyfunc.model"}})
    return Model.from_dict({**document, "flavors": flavors})


def _document(interface: Interface) -> dict[str, Any]:
    """The model's `MLmodel`; of a model without one, the signature that its tensors make."""
    model: ModelMetadata | None = interface.metadata
    if model is not None and model.document:
        return dict(model.document)
    parts = {"inputs": interface.schema.inputs, "outputs": interface.schema.outputs}
    specs = {
        part: json.dumps([{"name": f.source, "required": not f.optional, **f.spec} for f in fields])
        for part, fields in parts.items()
    }
    return {"signature": specs}


class _Remote:
    """What `PyFuncModel` calls with data that fits the signature."""

    def __init__(self, interface: Interface, ask: Ask) -> None:
        self._interface = interface
        self._ask = ask
        # What to raise instead of the answer that MLflow's server makes of an exception.
        self.trouble: Exception | None = None
        self.is_asked = False

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        from mlflow.exceptions import MlflowException, get_error_code

        self.is_asked = True
        try:
            given = dict(params or {})
            sent = values.encode(_as_sent(data, self._interface), self._interface)
            if self._interface.batched and not all(len(array) for array in sent.values()):
                # Triton has no requests without rows.
                raise errors.ModelRaisedError("0 rows")
            tensors = self._ask(sent, given)
        except errors.ModelRefusedError as error:
            raise MlflowException(str(error), error_code=get_error_code(error.status)) from None
        except (errors.ModelRaisedError, ClientError):
            raise
        except Exception as error:
            self.trouble = error
            raise MlflowException("not answered") from None
        return replies.plain_answer(tensors, self._interface)


def _as_sent(data: Any, interface: Interface) -> Any:
    """Sparse matrices and single values in a form that has rows."""
    if hasattr(data, "toarray"):
        return data.toarray()
    if isinstance(data, Mapping) and interface.metadata is not None and not interface.schema.tensors:
        return [data] if all(not isinstance(value, list) for value in data.values()) else data
    return data
