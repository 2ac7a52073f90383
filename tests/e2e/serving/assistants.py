"""Models of MLflow's chat interfaces that stream, in a file that travels with them."""

from mlflow.pyfunc import ChatAgent, ChatModel, ResponsesAgent
from mlflow.types.agent import ChatAgentChunk, ChatAgentMessage, ChatAgentResponse
from mlflow.types.llm import (
    ChatChoice,
    ChatChoiceDelta,
    ChatChunkChoice,
    ChatCompletionChunk,
    ChatCompletionResponse,
    ChatMessage,
)
from mlflow.types.responses import ResponsesAgentResponse, ResponsesAgentStreamEvent


class Model(ChatModel):
    """Repeats the words of the last message."""

    def predict(self, context, messages, params):
        answer = ChatMessage(role="assistant", content=messages[-1].content)
        return ChatCompletionResponse(choices=[ChatChoice(index=0, message=answer)], model="model")

    def predict_stream(self, context, messages, params):
        for word in messages[-1].content.split():
            delta = ChatChoiceDelta(role="assistant", content=word)
            yield ChatCompletionChunk(choices=[ChatChunkChoice(index=0, delta=delta)], model="model")


class Agent(ChatAgent):
    """Repeats the words of the last message."""

    def predict(self, messages, context=None, custom_inputs=None):
        return ChatAgentResponse(messages=[ChatAgentMessage(id="1", role="assistant", content=messages[-1].content)])

    def predict_stream(self, messages, context=None, custom_inputs=None):
        for word in messages[-1].content.split():
            if word == "stop":
                raise ValueError("no further")
            yield ChatAgentChunk(delta=ChatAgentMessage(id="1", role="assistant", content=word))


class Responder(ResponsesAgent):
    """Repeats the words of the last message."""

    def predict(self, request):
        return ResponsesAgentResponse(output=[self.create_text_output_item(request.input[-1].content, "1")])

    def predict_stream(self, request):
        for word in request.input[-1].content.split():
            yield ResponsesAgentStreamEvent(**self.create_text_delta(word, "1"))
