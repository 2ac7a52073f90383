"""MLflow's chat interfaces: `ChatModel`, `ChatAgent` and `ResponsesAgent`.

Their pyfunc takes a DataFrame of which it reads the first row alone, and answers with one mapping: a row, whose values
are the columns of the signature. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What `mlflow.pyfunc.save_model` writes for them: the `loader_module`, and `task` in the model's metadata, which tells
# them apart where the loader is that of all models from code.
_LOADERS = frozenset(f"mlflow.pyfunc.loaders.{name}" for name in ("chat_agent", "chat_model", "responses_agent"))
_CODE_LOADER = "mlflow.pyfunc.loaders.code_model"
_TASKS = frozenset(("agent/v1/chat", "agent/v1/responses", "agent/v2/chat"))


def is_chat(flavors: Mapping[str, Mapping[str, Any]], task: object = None) -> bool:
    """Whether a model has one of the chat interfaces.

    Args:
        flavors: its flavors.
        task: `task` of its own metadata.
    """
    loader = flavors.get("python_function", {}).get("loader_module")
    return loader in _LOADERS or (loader == _CODE_LOADER and task in _TASKS)


class Answer(list[Any]):
    """The one row of an answer, a document, which is no list to its caller."""


def chunk(document: Any) -> Any:
    """A piece as its model streamed it, from what `piece` made of it.

    Args:
        document: a piece of an answer of a chat interface, by output.
    """
    if isinstance(document, Mapping) and len(document.get("messages") or ()) == 1:
        rest = {name: value for name, value in document.items() if name != "messages"}
        return {"delta": document["messages"][0], **rest}
    return document


def piece(streamed: Any) -> Any:
    """A piece of a streamed answer in terms of the signature's outputs.

    A `ChatAgent` streams a `delta`, which is a message, where its whole answer has `messages`: that is a list of one
    here. The `delta` in an event of a `ResponsesAgent` is text.
    """
    if isinstance(streamed, Mapping) and isinstance(streamed.get("delta"), Mapping):
        rest = {name: value for name, value in streamed.items() if name != "delta"}
        return {"messages": [streamed["delta"]], **rest}
    return streamed
