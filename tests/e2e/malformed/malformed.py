"""Requests that are wrong in one way or several, made from good ones.

Bodies of Triton's `/v2/models/MODEL/infer`: JSON, or JSON followed by the tensors' bytes.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

DATATYPES = {
    "boolean": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
    "binary": "BYTES",
    "datetime": "BYTES",
    "array": "BYTES",
    "object": "BYTES",
    "map": "BYTES",
}
_GOOD: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [1, -(2**31)],
    "long": [2**53, -1],
    "float": [0.5, -1.0],
    "double": [1e300, 0.1],
    "string": ["ü", ""],
    "binary": ["abc", ""],
    "datetime": ["2020-01-02T03:04:05", "NaT"],
    "array": ["[1.5]", "[]"],
    "object": ['{"a": 1}', '{"a": 2, "b": "x"}'],
    "map": ['{"k": 1}', "{}"],
}
_ODD_VALUES: list[Any] = [
    None,
    True,
    -1,
    2**31,
    2**63,
    2**64,
    -(10**30),
    1e308,
    0.1,
    "",
    "x",
    "\u0000",
    "\ud800",
    "NaN",
    "2020-13-45",
    "9999-12-31T23:59:59",
    "0001-01-01",
    "{",
    "[[1, 2], [3",
    '{"a": "x"}',
    '{"a": null}',
    '{"b": 1, "c": [[]]}',
    "[" * 5000,
    '{"a":' * 5000,
    "/w=",
    "!!!",
    [],
    [[]],
    [1, [2]],
    {},
    {"a": 1},
    "y" * 200_000,
]
# Not [2**40, 1]: the server of 24.10 dies by itself of a shape for which it finds no memory.
_ODD_SHAPES: list[Any] = [[], [0], [0, 1], [-1, 1], [2], [2, 2], [1, 1, 1], [1000, 1], [2**62, 4], ["2", 1], None, 3]
_ODD_PARAMETERS: list[dict[str, Any]] = [
    {"k": "x"},
    {"k": 1.5},
    {"k": [1]},
    {"list": "[1, 'a']"},
    {"list": 3},
    {"params": "{"},
    {"params": "[1]"},
    {"params": '{"k": {"a": 1}}'},
    {"content_type": "xml"},
    {"content_type": "base64"},
    {"content_type": "np"},
    {"content_type": 7},
    {"content_type.long": "str"},
    {"content_type.nobody": "str"},
    {"content_type.string": "datetime"},
    {"unknown": True},
]


@dataclass
class Request:
    """One request.

    Attributes:
      document: the JSON part; None: `text` is sent as it is.
      binary: bytes behind it.
      header: `Inference-Header-Content-Length`; None: left out, "": the length of the JSON part.
      text: instead of `document`.
      odd: what was done to it.
    """

    document: dict[str, Any] | None = None
    binary: bytes = b""
    header: str | None = None
    text: bytes = b""
    odd: list[str] = field(default_factory=list)

    def encoded(self) -> tuple[bytes, dict[str, str]]:
        """Body and headers."""
        head = self.text if self.document is None else json.dumps(self.document).encode("utf-8", "surrogatepass")
        headers = {"Content-Type": "application/json"}
        if self.header is not None:
            headers["Inference-Header-Content-Length"] = self.header or str(len(head))
        return head + self.binary, headers


def good(chance: random.Random) -> Request:
    """A request with some of the columns, two rows of each."""
    columns = ["long", *chance.sample(sorted(DATATYPES.keys() - {"long"}), chance.randrange(4))]
    inputs = [
        {"name": name, "shape": [2, 1], "datatype": DATATYPES[name], "data": list(_GOOD[name])} for name in columns
    ]
    return Request({"inputs": inputs})


def _value(request: Request, chance: random.Random) -> None:
    tensor = chance.choice(_inputs(request))
    data = tensor.get("data")
    if isinstance(data, list) and data:
        data[chance.randrange(len(data))] = chance.choice(_ODD_VALUES)


def _shape(request: Request, chance: random.Random) -> None:
    chance.choice(_inputs(request))["shape"] = chance.choice(_ODD_SHAPES)


def _datatype(request: Request, chance: random.Random) -> None:
    odd = [*DATATYPES.values(), "FP16", "BF16", "UINT8", "STRING", "", None, 3]
    chance.choice(_inputs(request))["datatype"] = chance.choice(odd)


def _name(request: Request, chance: random.Random) -> None:
    odd = ["", "nobody", "long", "x" * 5000, None, 1, "\u0000"]
    chance.choice(_inputs(request))["name"] = chance.choice(odd)


def _data(request: Request, chance: random.Random) -> None:
    odd: list[Any] = [None, [], [1], [1, 2, 3], "ab", {}, [[1], [2]], [[[1]], 2]]
    chance.choice(_inputs(request))["data"] = chance.choice(odd)


def _remove(request: Request, chance: random.Random) -> None:
    tensor = chance.choice(_inputs(request))
    if tensor:
        tensor.pop(chance.choice(sorted(tensor)))


def _parameters(request: Request, chance: random.Random) -> None:
    assert request.document is not None
    request.document["parameters"] = chance.choice(_ODD_PARAMETERS)


def _inputs_themselves(request: Request, chance: random.Random) -> None:
    assert request.document is not None
    inputs = _inputs(request)
    request.document["inputs"] = chance.choice([[], None, {}, "x", [*inputs, inputs[0]], [None], [[]], inputs[1:]])


def _outputs(request: Request, chance: random.Random) -> None:
    assert request.document is not None
    odd: list[Any] = [[{"name": "nobody"}], [{}], "x", [None], [{"name": "long", "parameters": {"classification": 3}}]]
    request.document["outputs"] = chance.choice(odd)


def _text(request: Request, chance: random.Random) -> None:
    text = request.encoded()[0]
    at = chance.randrange(len(text))
    request.document = None
    request.text = chance.choice(
        [text[:at], text[:at] + b"\xff\xfe" + text[at:], text[:at] + b"}" + text[at + 1 :], b"", b"null", b"[]", b"{}"]
    )


def _binary(request: Request, chance: random.Random) -> None:
    """BYTES as bytes: lengths that lie, sizes that lie, bytes that are no UTF-8."""
    cells = chance.choice([[b"\xff\xfe", b"ab"], [b"a", b"b", b"c"], [b""], [b"x" * 100_000, b""]])
    data = b"".join(struct.pack("<I", len(cell)) + cell for cell in cells)
    lie = chance.choice(["", "length", "cut", "more", "size"])
    if lie == "length":
        data = struct.pack("<I", 2**32 - 1) + data[4:]
    elif lie == "cut":
        data = data[:-1]
    elif lie == "more":
        data += b"\0\0"
    size = chance.choice([0, -1, 2**40, "x"]) if lie == "size" else len(data)
    tensor = {"name": "string", "shape": [2, 1], "datatype": "BYTES", "parameters": {"binary_data_size": size}}
    rows = {"name": "long", "shape": [2, 1], "datatype": "INT64", "data": [1, 2]}
    request.document = {"inputs": [rows, tensor]}
    request.binary = data
    request.header = chance.choice(["", "", "", "0", "-1", "99999999", "x"])


_WAYS: list[Callable[[Request, random.Random], None]] = [
    _value,
    _value,
    _value,
    _shape,
    _datatype,
    _name,
    _data,
    _remove,
    _parameters,
    _parameters,
]
# After these the request is no longer a document to work on.
_LAST_WAYS: list[Callable[[Request, random.Random], None]] = [_inputs_themselves, _outputs, _text, _binary]


def _inputs(request: Request) -> list[dict[str, Any]]:
    assert request.document is not None
    inputs: list[dict[str, Any]] = request.document["inputs"]
    return inputs


def malformed(chance: random.Random) -> Request:
    """A request with one to three things wrong, or only odd."""
    request = good(chance)
    ways = chance.choices(_WAYS, k=chance.randrange(1, 4))
    if chance.random() < 0.25:
        ways = [*ways[1:], chance.choice(_LAST_WAYS)]
    for way in ways:
        way(request, chance)
        request.odd.append(way.__name__.strip("_"))
    return request
