"""The gateway's OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from mlflow_backend_utils.gateway.options import GatewayOptions

_ERROR = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {
        "error_code": {"type": "string"},
        "error_class": {"type": "string"},
        "message": {"type": "string"},
        "sqlstate": {"type": "string"},
        "stack_trace": {"type": "string"},
    },
}
_REQUEST = {
    "type": "object",
    "description": "Exactly one of the four forms, and params; or the bare document of a chat or completion request.",
    "properties": {
        "dataframe_split": {
            "type": "object",
            "required": ["data"],
            "properties": {
                "columns": {"type": "array", "items": {}},
                "data": {"type": "array", "items": {"type": "array", "items": {}}},
                "index": {"type": "array", "items": {}},
            },
        },
        "dataframe_records": {"type": "array", "items": {"type": "object"}},
        "instances": {},
        "inputs": {},
        "params": {"type": "object"},
    },
}
_STATUSES = {
    "400": "The request or its data is wrong, or the model raised an exception.",
    "401": "The token is missing or wrong.",
    "404": "There is no such model.",
    "413": "The body is too large.",
    "429": "The model has no room for the request.",
    "499": "The client went away.",
    "500": "The model's answer does not fit its signature; or, without words, MLflow's parser breaks at the body.",
    "503": "The server is away, or the gateway has no room.",
}


def document(app: FastAPI, options: GatewayOptions) -> dict[str, Any]:
    """The document of a gateway."""
    invocation = _invocation()
    paths: dict[str, Any] = {
        "/invocations": {"post": invocation},
        "/models/{name}/invocations": {"post": {**invocation, "parameters": [_parameter("name")]}},
        "/models/{name}/versions/{version}/invocations": {
            "post": {**invocation, "parameters": [_parameter("name"), _parameter("version")]}
        },
        "/metrics": {"get": {"responses": {"200": _text("Metrics of the gateway.")}}},
    }
    for path, what in (("/ping", "The model answers."), ("/health", "The model answers.")):
        paths[path] = {"get": {"responses": {"200": _json(what), "404": _json("It does not.")}}}
    paths["/version"] = {"get": {"responses": {"200": _json("MLflow's version.")}}}
    result: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": app.title, "version": app.version},
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR}},
    }
    if options.token:
        result["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        result["security"] = [{"token": []}]
    return result


def _invocation() -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    responses: dict[str, Any] = {status: {"description": what, "content": error} for status, what in _STATUSES.items()}
    responses["200"] = {
        "description": "The answer.",
        "content": {"application/json": {"schema": {}}, "text/event-stream": {"schema": {"type": "string"}}},
    }
    responses["500"]["content"] = {**error, "text/plain": {"schema": {"type": "string"}}}
    responses["415"] = _text("The body's media type is none of the three, or its charset is not UTF-8.")
    responses["504"] = _json("The answer did not come in time.")
    content = {
        "application/json": {"schema": _REQUEST},
        "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        "text/csv": {"schema": {"type": "string"}},
    }
    return {"requestBody": {"required": True, "content": content}, "responses": responses}


def _parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _json(what: str) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": {}}}}


def _text(what: str) -> dict[str, Any]:
    return {"description": what, "content": {"text/plain": {"schema": {"type": "string"}}}}
