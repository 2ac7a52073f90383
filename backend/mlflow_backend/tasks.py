"""What signatures do not say of the tasks that MLflow's own flavors have.

MLflow gives such models signatures by itself and never compares answers with them (2.22 and 3.17). Where an answer has
another type, or does not go row by row, the table says so, and whoever reads the signature gets it corrected.

| flavor                | task                     | answer                                             |
| --------------------- | ------------------------ | -------------------------------------------------- |
| transformers          | feature-extraction       | float64 [tokens, size] of the first text, not [-1] |
| transformers          | zero-shot-classification | a row for each label                               |
| both                  | llm/v1/embeddings        | one record for all rows                            |
| transformers          | llm/v1/chat, completions | the first row's settings hold for all rows         |
| sentence_transformers | none                     | float32 [rows, size], not float64 [-1]             |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Specs = tuple[Mapping[str, Any], ...]
Flavors = Mapping[str, Mapping[str, Any]]

_WHOLE = frozenset(("feature-extraction", "zero-shot-classification"))
_INFERENCE_TASK = "llm/v1/"
# What MLflow writes where it does not know better.
_UNKNOWN_VECTOR = {"dtype": "float64", "shape": [-1]}


def row_by_row(flavors: Flavors) -> bool:
    """Whether each row of a request has a row of the answer that depends on no other, as far as the flavors say.

    Args:
        flavors: flavor name to that flavor's settings.
    """
    if not flavors.keys() & {"transformers", "sentence_transformers"}:
        return True
    transformers = flavors.get("transformers", {})
    # Each flavor keeps MLflow's own task in a place of its own.
    config = flavors.get("python_function", {}).get("config") or {}
    inference_task = str(transformers.get("inference_task") or config.get("task") or "")
    return not inference_task.startswith(_INFERENCE_TASK) and transformers.get("task") not in _WHOLE


def outputs(specs: Specs | None, flavors: Flavors) -> Specs | None:
    """The signature's outputs as the model with these flavors gives them.

    Args:
        specs: the outputs as saved.
        flavors: flavor name to that flavor's settings.
    """
    if specs is None or len(specs) != 1 or specs[0].get("tensor-spec") != _UNKNOWN_VECTOR:
        return specs
    if flavors.get("transformers", {}).get("task") == "feature-extraction":
        dtype = "float64"
    elif "sentence_transformers" in flavors:
        dtype = "float32"
    else:
        return specs
    return ({**specs[0], "tensor-spec": {"dtype": dtype, "shape": [-1, -1]}},)
