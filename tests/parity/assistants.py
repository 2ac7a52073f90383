"""Models of MLflow's chat interfaces, and functions of pydantic models, in a file that travels with them."""

from __future__ import annotations

import mlflow
from mlflow.pyfunc import ChatAgent, ChatModel, PythonModel
from mlflow.types.agent import ChatAgentMessage, ChatAgentResponse
from mlflow.types.llm import ChatChoice, ChatCompletionResponse, ChatMessage, TokenUsageStats
from pydantic import BaseModel


class Parrot(ChatModel):
    """Says what was said last, in capitals, with what it was told about how."""

    def predict(self, context, messages, params):
        said = f"{messages[-1].content} ({params.temperature}, {params.max_tokens}, {params.stop})".upper()
        count = sum(len(message.content.split()) for message in messages)
        return ChatCompletionResponse(
            id="parrot-1",
            model="parrot",
            created=1,
            choices=[ChatChoice(index=0, message=ChatMessage(role="assistant", content=said))],
            usage=TokenUsageStats(prompt_tokens=count, completion_tokens=count, total_tokens=2 * count),
        )


class Agent(ChatAgent):
    """Answers each message with one of its own."""

    def predict(self, messages, context=None, custom_inputs=None):
        user = context.user_id if context else None
        answers = [
            ChatAgentMessage(id=str(number), role="assistant", content=f"{user}: {message.content[::-1]}")
            for number, message in enumerate(messages)
        ]
        return ChatAgentResponse(messages=answers, custom_outputs=custom_inputs)


class Address(BaseModel):
    city: str
    floor: int | None = None


class Person(BaseModel):
    name: str
    heights: list[float]
    home: Address


class Greeter(PythonModel):
    """Its signature comes from its type hints, which are pydantic models."""

    def predict(self, model_input: list[Person]) -> list[Address]:
        return [Address(city=f"{person.name} of {person.home.city}", floor=person.home.floor) for person in model_input]


@mlflow.pyfunc.utils.pyfunc
def greet(people: list[Person]) -> list[str]:
    return [f"Hello {person.name}, {sum(person.heights)}" for person in people]
