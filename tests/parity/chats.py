"""What saves the models of assistants.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import assistants
import mlflow
from saving import Save

_HERE = Path(__file__).parent
_MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": 'Zwölf "Boxkämpfer"\n\U0001f98a'},
]
_PEOPLE = [
    {"name": "Ada", "heights": [1.5, 0.1], "home": {"city": "London", "floor": 2}},
    {"name": "Çelik", "heights": [], "home": {"city": ""}},
]


def _saved(model: Any, example: Any = None) -> Save:
    return lambda folder, requirements: mlflow.pyfunc.save_model(
        folder,
        python_model=model,
        input_example=example,
        code_paths=[str(_HERE / "assistants.py"), str(_HERE / "responder.py")],
        pip_requirements=requirements,
    )


def _chats() -> Iterator[tuple[str, Save]]:
    yield "chat_model", _saved(assistants.Parrot(), {"messages": _MESSAGES, "temperature": 0.1, "stop": ["a", "b"]})
    yield "chat_model_of_one_message", _saved(assistants.Parrot(), {"messages": _MESSAGES[1:]})
    told = {"messages": _MESSAGES, "context": {"user_id": "me"}, "custom_inputs": {"depth": [1, {"x": None}]}}
    yield "chat_agent", _saved(assistants.Agent(), told)
    yield "chat_agent_from_code", _saved(str(_HERE / "agent.py"), {"messages": _MESSAGES})
    if hasattr(mlflow.pyfunc, "ResponsesAgent"):
        import responder

        asked = {"input": [{"role": "user", "content": "Is it?"}], "custom_inputs": {"k": "v"}}
        yield "responses_agent", _saved(responder.Responder(), asked)
    yield "pydantic_rows", _saved(assistants.Greeter(), _PEOPLE)
    yield "pydantic_function", _saved(assistants.greet, _PEOPLE)


def all_chats() -> dict[str, Save]:
    """What saves a model in a folder, by the model's name."""
    return dict(_chats())
