"""In which form a client sends values, in the words of MLServer's content types.

Triton hands a backend the parameters of a request, not those of its tensors: what MLServer's clients write beside a
tensor is the request parameter `content_type.NAME` here, with the name of an input or an output.

| content type      | of a request                                 | of an input                                   |
| ----------------- | -------------------------------------------- | --------------------------------------------- |
| `pd`              | the model gets a DataFrame                   | as the signature says                         |
| `np`              | the model gets one array                     | as the signature says                         |
| `dict`            | the model gets a dict of arrays              |                                               |
| `str`             | texts, where the signature leaves it open    | texts                                         |
| `base64`          | binary values are base64, answers as well    | binary values; of an output: send it so       |
| `datetime`        | dates, where the signature leaves it open    | points in time as ISO 8601                    |
| `json`, `pd_json` | documents, where the signature leaves it open| one JSON document a row                       |

The signature leaves open what a column of type any and a tensor of objects hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlflow_backend.errors import RequestError
from mlflow_backend.schema import CONTENT_TYPE, Field, ModelSchema

CONTAINERS = ("pd", "np", "dict")
# Content type of values -> codec.
_CODECS: Mapping[str, str] = {
    "base64": "binary",
    "datetime": "datetime",
    "json": "json",
    "pd_json": "json",
    "str": "string",
}
# What says nothing of a single input that the signature does not.
_AS_SIGNED = ("pd", "np")


@dataclass(frozen=True)
class ContentTypes:
    """What one request says.

    Attributes:
        container: one of `CONTAINERS`; "": what the signature asks for.
        codecs: input to codec, where it is not that of the signature.
        base64: inputs and outputs whose binary values are base64.
    """

    container: str = ""
    codecs: Mapping[str, str] = field(default_factory=dict)
    base64: frozenset[str] = frozenset()

    def key(self) -> tuple[Any, ...]:
        """Requests with different ones cannot be answered together."""
        return self.container, tuple(sorted(self.codecs.items())), tuple(sorted(self.base64))

    def of(self, part: Field) -> Field:
        """The input as it is sent, for the codec to read."""
        codec = self.codecs.get(part.name)
        return part if codec is None else replace(part, carrier=replace(part.carrier, codec=codec, numpy="object"))


def read(parameters: Mapping[str, Any], schema: ModelSchema) -> ContentTypes:
    """The content types in a request's parameters.

    Raises:
        RequestError: an unknown one, or one that the tensor cannot have; names what is allowed.
    """
    if not any(name.startswith(CONTENT_TYPE) for name in parameters):
        return _NOTHING_SAID
    wanted = parameters.get(CONTENT_TYPE, "")
    if wanted and wanted not in (*CONTAINERS, *_CODECS):
        raise RequestError(
            f"request parameter 'content_type' is {wanted!r}; allowed are {', '.join((*CONTAINERS, *_CODECS))}."
        )
    codecs = {}
    outputs = {part.name for part in schema.outputs}
    base64 = set(outputs) if wanted == "base64" else set()
    for part in schema.inputs:
        name = f"{CONTENT_TYPE}.{part.name}"
        if name in parameters:
            own = _of_input(parameters[name], name, part)
        else:
            own = wanted if wanted in _CODECS and _is_open(part, _CODECS[wanted]) else ""
        if own in _CODECS:
            codecs[part.name] = _CODECS[own]
        if own == "base64":
            base64.add(part.name)
    base64.update(name for name in outputs if parameters.get(f"{CONTENT_TYPE}.{name}") == "base64")
    known = {f"{CONTENT_TYPE}.{name}" for name in outputs.union(part.name for part in schema.inputs)}
    for name in parameters:
        if name.startswith(f"{CONTENT_TYPE}.") and name not in known:
            raise RequestError(f"request parameter '{name}' names neither an input nor an output of the model.")
    return ContentTypes(str(wanted) if wanted in CONTAINERS else "", codecs, frozenset(base64))


_NOTHING_SAID = ContentTypes()


def _of_input(value: Any, name: str, part: Field) -> str:
    allowed = (*_AS_SIGNED, *_CODECS) if part.carrier.data_type == "TYPE_STRING" else _AS_SIGNED
    if value not in allowed:
        raise RequestError(
            f"request parameter '{name}' is {value!r}, but the signature says {part.describe()}; "
            f"allowed are {', '.join(allowed)}."
        )
    return str(value)


def _is_open(part: Field, codec: str) -> bool:
    """Whether what a whole request says can be meant of an input, beside what the signature says."""
    if part.carrier.data_type != "TYPE_STRING":
        return False
    is_any = part.spec.get("type") == "any"
    is_object = part.kind == "tensor" and part.carrier.numpy == "object"
    return part.carrier.codec == codec or is_any or is_object
