"""What the tests of requests between models share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from tests.conformance import harness
from tests.conformance.repository import Model

TARGET = Model(
    "bls_target",
    inputs=["PLAN STRING 1"],
    outputs=["RESULT STRING 1", "EMPTY FP32 2,-1", "NUMBERS INT64 2,3", "TEXTS STRING 3"],
)


def plan(model: str = "bls_target", outputs: Sequence[str] = ("RESULT",), **what: Any) -> dict[str, Any]:
    """A request to a model that does what its input PLAN says."""
    return {"model": model, "outputs": list(outputs), "inputs": [["PLAN", "object", [1], [json.dumps(what)]]]}


def result(answer: dict[str, Any]) -> Any:
    """What the output RESULT of an answer says; of an error its text."""
    return json.loads(answer["outputs"]["RESULT"][2][0]) if answer["error"] is None else answer["error"]


class BlsTest(harness.ServerTest):
    """A test case whose model `CALLER` asks other models."""

    CALLER: ClassVar[str] = "bls"

    def call(self, *calls: dict[str, Any], mode: str = "exec", **parameters: Any) -> list[Any]:
        """What other models answer to the caller."""
        return list(self.ask(self.CALLER, mode, calls=json.dumps(calls), **parameters))

    def call_error(self, call: dict[str, Any]) -> str:
        """Text of the error that another model answers."""
        (answer,) = self.call(call)
        self.assertEqual((answer["outputs"], answer["code"]), ({}, "INTERNAL"))
        self.assertIsNone(self.call(plan())[0]["error"], "the next request must be answered")
        return str(answer["error"])

    def free(self) -> int:
        """Free bytes of the caller's region."""
        return self.free_bytes(self.CALLER)
