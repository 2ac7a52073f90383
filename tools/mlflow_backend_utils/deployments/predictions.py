"""What `predict` takes and gives: typed data or a request of MLflow's scoring protocol in, its answer out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlflow_backend import jsontext, schema
from mlflow_backend.client import TritonModel, calls, values
from mlflow_backend_utils.deployments import errors

Tensors = Mapping[str, calls.Array]

_PROTOCOL = ("dataframe_split", "dataframe_records", "instances", "inputs")


def predict(model: TritonModel, inputs: Any) -> Any:
    """The `PredictionsResponse` to inputs.

    Args:
        model: the deployed model.
        inputs: a DataFrame, Series, array, dict or list, or a request of the scoring protocol, parsed or as text.

    Raises:
        MlflowException: the inputs do not fit.
        ClientError: the server or the model refused them.
    """
    import mlflow.deployments

    from mlflow_backend_utils.gateway import replies

    response: Any = mlflow.deployments.PredictionsResponse
    request = _request(inputs, model)
    if request is not None:
        return response.from_json(_scored(model, request))
    tensors = _ask(model, values.encode(inputs, model.interface), {})
    return response.from_json(replies.predictions(tensors, model.interface).decode())


def predict_stream(model: TritonModel, inputs: Any) -> Iterator[dict[str, Any]]:
    """The pieces of an answer, each a dict with `predictions`; arguments and errors as of `predict`."""
    request = _request(inputs, model)
    params = None
    if request is not None:
        (form,) = [name for name in _PROTOCOL if name in request]
        inputs, params = _plain_data(form, request[form]), request.get("params")
    for piece in model.predict_stream(inputs, params):
        rows = piece.to_dict("records") if hasattr(piece, "columns") else piece
        yield {"predictions": jsontext.plain(rows)}


def _plain_data(form: str, data: Any) -> Any:
    import pandas as pd

    if form == "dataframe_split":
        return pd.DataFrame(data["data"], index=data.get("index"), columns=data.get("columns"))
    return pd.DataFrame(data) if form == "dataframe_records" else data


def _request(inputs: Any, model: TritonModel) -> dict[str, Any] | None:
    """The request of the scoring protocol that the inputs are; None: they are data."""
    if isinstance(inputs, (str, bytes)):
        try:
            inputs = json.loads(inputs)
        except ValueError as error:
            raise errors.refused(
                f"the inputs are text that is not JSON: {error}; send a request of /invocations."
            ) from None
    own = {field.source for field in model.interface.schema.inputs}
    if isinstance(inputs, Mapping):
        named = [name for name in _PROTOCOL if name in inputs and name not in own]
        return dict(inputs) if len(named) == 1 and not inputs.keys() - {*_PROTOCOL, "params"} else None
    # The command line reads every file with pandas.read_json, which takes a request for a table.
    columns = list(getattr(inputs, "columns", ()))
    if len(columns) == 1 and columns[0] in _PROTOCOL and columns[0] not in own:
        column = inputs[columns[0]]
        is_list = list(column.index) == list(range(len(column)))
        return {columns[0]: column.tolist() if is_list else column.to_dict()}
    return None


def _scored(model: TritonModel, request: Mapping[str, Any]) -> str:
    """The body of MLflow's own scoring server, around the model on Triton."""
    from mlflow_backend_utils.gateway import exact

    def ask(tensors: Tensors, params: Mapping[str, Any]) -> Tensors:
        return _ask(model, tensors, params)

    body = json.dumps(jsontext.plain(request)).encode()
    reply = exact.invocations(body, "application/json", model.interface, ask)
    if reply.status != 200:
        found = json.loads(reply.body)
        raise errors.failure(str(found.get("message")), str(found.get("error_code", "BAD_REQUEST")))
    return reply.body.decode()


def _ask(model: TritonModel, tensors: Tensors, params: Mapping[str, Any]) -> Tensors:
    """The tensors of an answer, with its form if the model tells it."""
    if model.interface.decoupled:
        raise errors.refused("the deployment answers in pieces; use predict_stream.")
    names = [field.name for field in model.interface.schema.all_outputs]
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    result = model.infer(inputs=calls.infer_inputs(model.module, arrays), parameters=calls.parameters_of(params, None))
    return calls.outputs_of(
        result, [name for name in names if name != schema.ANSWER_FORM.name or model.interface.schema.tells_form]
    )
