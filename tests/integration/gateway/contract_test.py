"""The gateway answers what `mlflow models serve` answers to every request of the corpus: status, content type, body."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, ClassVar

from absl.testing import absltest, parameterized

from tests.integration.gateway import corpus, running
from tests.runfiles import runfiles

# A signature of each kind, and an answer in each form.
_MODELS = (
    "array_of_doubles",
    "as_series",
    "binary",
    "chat_agent",
    "chat_model",
    "frame_as_dict",
    "frame_as_matrix",
    "frame_as_tuple",
    "frame_mixed",
    "object",
    "optional_given",
    "params_used",
    "refuses",
    "responses_agent",
    "tensor_pair",
    "texts_joined",
)
_LEAST_REQUESTS = 200
_NAMES = re.compile(r"(?<=[\[{])'[^\[\]{}]*'(?=[\]}])")


def _comparable(answer: running.Answer) -> Any:
    """An answer with an error's fields, without the trace of the stack."""
    if answer.status == 200 or not (answer.content_type or "").startswith("application/json"):
        return answer
    # Some of MLflow's messages list a set, in any order.
    text = _NAMES.sub(lambda found: ", ".join(sorted(found[0].split(", "))), answer.body.decode())
    document = json.loads(text)
    had_trace = document.pop("stack_trace", None) is not None
    return answer.status, answer.content_type, document, had_trace


class ContractTest(parameterized.TestCase):
    gateway: ClassVar[int]
    count: ClassVar[int] = 0

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.scratch = Path(os.environ["TEST_TMPDIR"])
        models = running.repository(cls.scratch / "models", _MODELS)
        server = cls.enterClassContext(running.triton(models))  # type: ignore[attr-defined]
        cls.gateway, _ = cls.enterClassContext(  # type: ignore[attr-defined]
            running.gateway(server.grpc_url, cls.scratch, "--model", "frame_mixed", http_url=server.http_url)
        )

    @parameterized.parameters(*_MODELS)
    def test_model(self, name: str) -> None:
        folder = self.scratch / "models" / name / "1"
        example = json.loads((folder / "serving_input_example.json").read_text(encoding="utf-8"))
        kinds = running.signature(folder)
        different = []
        with running.mlflow_server(folder, runfiles.path("SCORING_ENVIRONMENT").resolve(), self.scratch) as port:
            for request in corpus.requests(example, kinds):
                wanted = running.ask(port, "/invocations", request.body, request.content_type)
                got = running.ask(self.gateway, f"/models/{name}/invocations", request.body, request.content_type)
                type(self).count += 1
                if _comparable(wanted) != _comparable(got):
                    different.append(f"{request.what}: {request.body[:200]!r}\n  MLflow {wanted}\n  ours   {got}")
        self.assertFalse(different, f"{len(different)} differ:\n" + "\n".join(different[:5])[:10_000])

    def test_other_paths(self) -> None:
        folder = self.scratch / "models" / "frame_mixed" / "1"
        with running.mlflow_server(folder, runfiles.path("SCORING_ENVIRONMENT").resolve(), self.scratch) as port:
            for path in ("/ping", "/health", "/version", "/nowhere", "/invocations"):
                self.assertEqual(running.ask_get(self.gateway, path), running.ask_get(port, path), path)
            for path in ("/ping", "/version", "/nowhere"):
                ours, theirs = (running.ask(where, path, b"{}", "application/json") for where in (self.gateway, port))
                self.assertEqual(ours, theirs, path)

    @classmethod
    def tearDownClass(cls) -> None:
        print(f"{cls.count} requests compared")
        super().tearDownClass()
        assert cls.count >= _LEAST_REQUESTS or len(sys.argv) > 1, "the corpus has shrunk"


if __name__ == "__main__":
    absltest.main()
