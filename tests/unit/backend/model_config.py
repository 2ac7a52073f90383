"""A stand-in for Triton's ModelConfig; the real one is used by the tests with a server."""

from __future__ import annotations

from typing import Any


class ModelConfig:
    def __init__(self, **written: Any) -> None:
        self.written = {"max_batch_size": 0, "input": [], "output": [], **written}

    def as_dict(self) -> dict[str, Any]:
        return self.written

    def set_max_batch_size(self, size: int) -> None:
        self.written["max_batch_size"] = size

    def set_dynamic_batching(self) -> None:
        self.written["dynamic_batching"] = {}

    def add_input(self, properties: dict[str, Any]) -> None:
        self._add("input", properties)

    def add_output(self, properties: dict[str, Any]) -> None:
        if set(properties) != {"name", "data_type", "dims"}:
            raise ValueError(
                f"output '{properties['name']}' contains property other than 'name', 'data_type' and 'dims'"
            )
        self._add("output", properties)

    def _add(self, direction: str, properties: dict[str, Any]) -> None:
        known = {entry["name"]: entry for entry in self.written[direction]}
        entry = known.get(properties["name"])
        if entry is None:
            self.written[direction].append(dict(properties))
            return
        for name, value in properties.items():
            if entry.setdefault(name, value) != value:
                raise ValueError(f"'{name}' differs")
