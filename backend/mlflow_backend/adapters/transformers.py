"""The transformers flavor: MLflow's own pyfunc, and streams of the pipelines that generate text.

MLflow has no `predict_stream` for this flavor. Here `predict` runs as ever, with all that MLflow does before and after
the pipeline, and is overheard: what is streamed is the beginning of what it returns, and at the end the rest is sent.
So the pieces together are what the same call answers at once.

Models of the tasks `llm/v1/chat` and `llm/v1/completions` stream chunks in OpenAI's form. As with OpenAI, the request's
`stream` says whether they do; MLflow would hand it to the model, which knows no such thing.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from mlflow_backend.adapters import Receiver, pyfunc
from mlflow_backend.errors import OutputError, RequestError
from mlflow_backend.generation import Generation, generates
from mlflow_backend.metadata import ModelMetadata
from mlflow_backend.requests import DecodedRequest
from mlflow_backend.schema import ModelSchema

_CHAT = "llm/v1/chat"
_COMPLETIONS = "llm/v1/completions"


class Adapter(pyfunc.Adapter):
    """As for every pyfunc; a pipeline that generates text is streamable, too."""

    def __init__(
        self, metadata: ModelMetadata, schema: ModelSchema, model_config: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(metadata, schema, model_config)
        flavor = metadata.flavors["transformers"]
        self._task = flavor.get("inference_task")
        self._source = str(flavor.get("source_model_name") or "")
        # MLflow lets nobody set what the model was saved without.
        saved = self._model.model_config
        self._settings = {name: (model_config or {}).get(name, value) for name, value in saved.items()}
        pipeline = self._model.get_raw_model() if metadata.is_served_by("mlflow.transformers") else None
        self._generation = Generation(pipeline) if generates(pipeline) else None
        self.streamable = self.streamable or self._generation is not None

    def predict(self, request: DecodedRequest) -> Any:
        if self._task in (_CHAT, _COMPLETIONS):
            inputs = {name: value for name, value in request.inputs.items() if name != "stream"}
            request = replace(request, inputs=inputs)
        return super().predict(request)

    def stream(self, request: DecodedRequest, receiver: Receiver) -> None:
        if self._generation is None:
            super().stream(request, receiver)
            return
        if request.rows != 1:
            raise RequestError(
                f"the request has {request.rows} rows, but one text is streamed at a time; send a request for each, or "
                "the request parameter 'stream' as false."
            )
        heard = _Heard(receiver, self._form(request))
        with self._generation.heard_by(heard):
            answer = self.predict(request)
        heard.end(answer)

    def _form(self, request: DecodedRequest) -> _Form:
        if self._task in (_CHAT, _COMPLETIONS):
            return _Chunks(self._task == _CHAT, self._source)
        return _Texts(bool({**self._settings, **request.params}.get("collapse_whitespace")))


class _Form(Protocol):
    """What MLflow makes of a pipeline's text, and the form of its pieces."""

    def text(self, heard: str) -> str:
        """A text that has been heard, as it begins the text in the answer."""
        ...

    def answered(self, answer: Any) -> str | None:
        """The text in what `predict` returned; None: it is not one text."""
        ...

    def piece(self, text: str) -> Any:
        """The piece for the next part of the text."""
        ...

    def last(self, text: str, answer: Any) -> Any | None:
        """The piece for the rest of the text, which may be empty; None: there is none."""
        ...


class _Heard:
    """Sends what is new of a text that grows; a `generation.Listener`."""

    def __init__(self, receiver: Receiver, form: _Form) -> None:
        self.check = receiver.check
        self._receiver = receiver
        self._form = form
        self._sent = ""

    def hear(self, text: str) -> None:
        text = self._form.text(text)
        if len(text) > len(self._sent) and text.startswith(self._sent):
            self._receiver.send(self._form.piece(text[len(self._sent) :]))
            self._sent = text

    def end(self, answer: Any) -> None:
        """Sends what is left of the answer.

        Raises:
            OutputError: it does not begin with what has been sent.
        """
        whole = self._form.answered(answer)
        if whole is None and not self._sent:
            self._receiver.send(answer)
            return
        if whole is None or not whole.startswith(self._sent):
            raise OutputError(
                "the pieces that were sent are not the beginning of the model's answer, because its tokenizer changed "
                "text that it had decoded before; send the request parameter 'stream' as false."
            )
        last = self._form.last(whole[len(self._sent) :], answer)
        if last is not None:
            self._receiver.send(last)


class _Texts:
    """Plain text."""

    def __init__(self, collapses_whitespace: bool) -> None:
        self._collapses_whitespace = collapses_whitespace
        self._any = False

    def text(self, heard: str) -> str:
        return (re.sub(r"\s+", " ", heard) if self._collapses_whitespace else heard).strip()

    def answered(self, answer: Any) -> str | None:
        return answer[0] if isinstance(answer, list) and len(answer) == 1 and isinstance(answer[0], str) else None

    def piece(self, text: str) -> str:
        self._any = True
        return text

    def last(self, text: str, answer: Any) -> str | None:
        # An answer without text is one piece without text.
        return text if text or not self._any else None


class _Chunks:
    """Chunks as OpenAI streams them, one choice each; the last has the reason of the end, and the usage of tokens."""

    def __init__(self, chat: bool, model: str) -> None:
        self._chat = chat
        self._common = {
            "id": str(uuid.uuid4()),
            "object": "chat.completion.chunk" if chat else "text_completion",
            "created": int(time.time()),
            "model": model,
        }
        self._begun = False

    def text(self, heard: str) -> str:
        return heard.lstrip()

    def answered(self, answer: Any) -> str | None:
        if not isinstance(answer, list) or len(answer) != 1:
            return None
        choice = answer[0]["choices"][0]
        return str(choice["message"]["content"] if self._chat else choice["text"])

    def piece(self, text: str) -> dict[str, Any]:
        return self._chunk(text, None)

    def last(self, text: str, answer: Any) -> dict[str, Any]:
        return self._chunk(text, answer[0]["choices"][0]["finish_reason"]) | {"usage": answer[0]["usage"]}

    def _chunk(self, text: str, finish_reason: str | None) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "finish_reason": finish_reason}
        if self._chat:
            choice["delta"] = ({} if self._begun else {"role": "assistant"}) | ({"content": text} if text else {})
        else:
            choice["text"] = text
        self._begun = True
        return self._common | {"choices": [choice]}
