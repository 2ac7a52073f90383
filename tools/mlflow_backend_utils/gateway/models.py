"""The models behind the gateway: what each takes, and how it is asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from mlflow_backend import metadata
from mlflow_backend.client import values
from mlflow_backend.client.interface import Interface
from mlflow_backend.errors import BackendError
from mlflow_backend_utils.gateway import tensors as tensors_of
from mlflow_backend_utils.gateway.coalesce import Coalescer
from mlflow_backend_utils.gateway.errors import GatewayError
from mlflow_backend_utils.gateway.options import GatewayOptions
from mlflow_backend_utils.gateway.tensors import Array
from mlflow_backend_utils.gateway.triton import Triton

_LOGGER = logging.getLogger(__name__)


class Served:
    """One version of one model.

    Args:
        triton: the server.
        interface: of the model.
        options: the gateway's settings.
    """

    def __init__(self, triton: Triton, interface: Interface, options: GatewayOptions) -> None:
        self.interface = interface
        self._triton = triton
        self._timeout = options.timeout
        gathers = options.coalesce and interface.batched and not interface.decoupled
        self._coalescer = Coalescer(self._ask, interface.max_batch_size) if gathers else None

    async def infer(self, tensors: Mapping[str, Array], params: Mapping[str, Any]) -> Mapping[str, Array]:
        """The model's answer, to any number of rows; raises what `errors` has."""
        parts = tensors_of.split(tensors, self.interface.max_batch_size)
        if len(parts) == 1:
            return await self._infer(tensors, params)
        return tensors_of.join(await asyncio.gather(*(self._infer(part, params) for part in parts)))

    async def _infer(self, tensors: Mapping[str, Array], params: Mapping[str, Any]) -> Mapping[str, Array]:
        if self._coalescer is not None and not params:
            return await self._coalescer.infer(tensors)
        return await self._ask(tensors, params)

    def stream(self, tensors: Mapping[str, Array], params: Mapping[str, Any]) -> AsyncGenerator[dict[str, Array]]:
        """The pieces of a decoupled model's answer; raises what `errors` has."""
        name, version = self.interface.name, self.interface.version
        return self._triton.stream(name, version, tensors, _parameters(params), self._timeout)

    async def _ask(self, tensors: Mapping[str, Array], params: Mapping[str, Any] | None = None) -> Mapping[str, Array]:
        name, version = self.interface.name, self.interface.version
        return await self._triton.infer(name, version, tensors, _parameters(params), self._timeout)


def _parameters(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"params": values.params_text(params)} if params else {}


class Models:
    """Every model that was asked for, each looked at once until the server is found to have changed.

    Args:
        triton: the server.
        options: the gateway's settings.
    """

    def __init__(self, triton: Triton, options: GatewayOptions) -> None:
        self._triton = triton
        self._options = options
        self._served: dict[tuple[str, str], asyncio.Task[Served]] = {}
        self._default = options.default_model

    async def get(self, name: str = "", version: str = "") -> Served:
        """A model.

        Args:
            name: "": the default one.
            version: "": the server's choice.

        Raises:
            GatewayError: there is none, or the server is away.
        """
        name = name or self._default or await self._only_model()
        key = name, version
        task = self._served.get(key)
        if task is not None and task.done() and task.exception() is None:
            return task.result()
        if task is None:
            task = asyncio.get_running_loop().create_task(self._look(name, version))
            self._served[key] = task
        try:
            return await asyncio.shield(task)
        except Exception:
            if self._served.get(key) is task:
                del self._served[key]
            raise

    def forget(self) -> None:
        """Look at each model again: the server was away and may serve others now."""
        self._served.clear()
        self._default = self._options.default_model

    async def _only_model(self) -> str:
        names = await self._triton.models(self._options.timeout)
        if len(names) != 1:
            raise GatewayError(
                f"the server has the models {', '.join(names) or 'none'}; ask /models/NAME/invocations, or start the "
                "gateway with --model NAME.",
                404,
                "RESOURCE_DOES_NOT_EXIST",
            )
        self._default = names[0]
        return names[0]

    async def _look(self, name: str, version: str) -> Served:
        config = await self._triton.config(name, version, self._options.timeout)
        try:
            interface = Interface.from_config(config, version, self._from_repository(name, version))
        except BackendError as error:
            raise GatewayError(f"model '{name}': {error}", 500, "INTERNAL_ERROR") from None
        return Served(self._triton, interface, self._options)

    def _from_repository(self, name: str, version: str) -> metadata.ModelMetadata | None:
        """What `MLmodel` says; None where the repository is not at hand."""
        if self._options.repository is None:
            return None
        folder = self._options.repository / name
        versions = [child for child in _children(folder) if child.name.isdigit() and version in ("", child.name)]
        if not versions:
            return None
        try:
            return metadata.read(max(versions, key=lambda child: int(child.name)))
        except BackendError as error:
            _LOGGER.warning("%s", error)
            return None


def _children(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
