"""The client of `mlflow deployments`."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow.deployments.base import BaseDeploymentClient

from mlflow_backend.client import (
    ClientError,
    InferenceError,
    ModelNotFoundError,
    Options,
    TritonModel,
    UnavailableError,
)
from mlflow_backend_utils.deployments import errors, flavors, options, predictions, repositories, target
from mlflow_backend_utils.deployments.repositories import META, Repository

# Models leave the server in the background.
_UNLOAD_SECONDS = 120.0


class TritonDeploymentClient(BaseDeploymentClient):
    """Deploys models to a Triton server in explicit model control mode; see `target_help`.

    Args:
        target_uri: `triton`, or `triton://HOST:PORT`.
    """

    def __init__(self, target_uri: str) -> None:
        super().__init__(target_uri)  # type: ignore[no-untyped-call]
        self._target = target.read(target_uri, os.environ)

    def create_deployment(
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Puts a model into the repository and loads it; after a failure, neither has it.

        Args:
            name: name of the model in Triton.
            model_uri: any URI of an MLflow model.
            flavor: see `target_help`; None: what the model has.
            config: options, see `target_help`.
            endpoint: there are no endpoints; must be None.

        Returns:
            The deployment, as `get_deployment`.

        Raises:
            MlflowException: RESOURCE_ALREADY_EXISTS for a model that is there; the model, an option or the server does
                not allow it.
        """
        _no_endpoint(endpoint)
        repository = self._repository()
        if repository.exists(target.check_name(name)):
            raise errors.failure(
                f"{repository.path_of(name)} exists; update the deployment, delete it, or choose another name.",
                "RESOURCE_ALREADY_EXISTS",
            )
        return self._deploy(repository, name, model_uri, flavor, config or {}, 1)

    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Puts another model, or other options, in place; the version grows by one. After a failure all is as before.

        Args:
            name: name of the deployment.
            model_uri: None: the model stays.
            flavor: None: the flavor stays, or what the other model has.
            config: options to change; the others stay.
            endpoint: there are no endpoints; must be None.

        Raises:
            MlflowException: RESOURCE_DOES_NOT_EXIST; else as `create_deployment`.
        """
        _no_endpoint(endpoint)
        repository = self._repository()
        meta = self._meta(repository, name)
        if flavor is None and model_uri is None:
            flavor = meta["flavor"]
        config = {**(meta.get("config") or {}), **(config or {})}
        uri = model_uri or meta["mlflow_model_uri"]
        return self._deploy(repository, name, uri, flavor, config, int(meta.get("version") or 1) + 1)

    def delete_deployment(
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        """Unloads a model and removes its files; does nothing where there is no model.

        Raises:
            MlflowException: the model was not deployed by this, or the server cannot be reached: then all stays.
        """
        _no_endpoint(endpoint)
        repository = self._repository()
        if not repository.exists(target.check_name(name)):
            return
        self._meta(repository, name)
        with self._model(name) as model:
            _unload(model)
        repository.remove(name)

    def list_deployments(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """The deployments in the repository, as `get_deployment`; models without a `mlflow-meta.json` are not."""
        _no_endpoint(endpoint)
        repository = self._repository()
        return [self._described(repository, name) for name in repository.deployed()]

    def get_deployment(self, name: str, endpoint: str | None = None) -> dict[str, Any]:
        """`name`, `flavor`, `mlflow_model_uri`, `triton_model_path`, `version`, `config`, `deployed`, `ready`.

        Raises:
            MlflowException: RESOURCE_DOES_NOT_EXIST.
        """
        _no_endpoint(endpoint)
        return self._described(self._repository(), name)

    def predict(self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None) -> Any:
        """A `PredictionsResponse` with what the scoring protocol answers.

        Args:
            deployment_name: name of any model that the server has.
            inputs: DataFrame, Series, array, dict, list, or a request of `/invocations`, parsed or as text.
            endpoint: there are no endpoints; must be None.

        Raises:
            MlflowException: the inputs do not fit, or the server or the model refuses them.
        """
        _no_endpoint(endpoint)
        with self._model(target.check_name(deployment_name or "")) as model:
            return predictions.predict(model, inputs)

    def predict_stream(
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """The pieces of an answer, each a dict with `predictions`; arguments and errors as of `predict`."""
        _no_endpoint(endpoint)
        with self._model(target.check_name(deployment_name or "")) as model:
            yield from predictions.predict_stream(model, inputs)

    def _deploy(
        self,
        repository: Repository,
        name: str,
        model_uri: str,
        flavor: str | None,
        config: Mapping[str, Any],
        version: int,
    ) -> dict[str, Any]:
        wanted = options.read(config)
        with tempfile.TemporaryDirectory(prefix="mlflow-deploy-") as scratch:
            model = download(model_uri, Path(scratch))
            flavor = flavors.choose(model, flavor)
            folder = Path(scratch, "triton")
            flavors.lay_out(flavor, model, name, version, wanted, folder)
            meta = {
                "name": name,
                "flavor": flavor,
                "mlflow_model_uri": model_uri,
                "triton_model_path": repository.path_of(name),
                "version": version,
                "config": dict(config),
                "deployed": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            }
            (folder / META).write_text(json.dumps(meta, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            self._load(repository, name, folder)
        return self._described(repository, name)

    def _load(self, repository: Repository, name: str, folder: Path) -> None:
        was_there = repository.exists(name)
        with self._model(name) as model:
            try:
                with repositories.restored_on_error(repository, name):
                    repository.put(name, folder)
                    model.load_model()
            except BaseException:
                # The server forgets the failed one, and serves what was there.
                with contextlib.suppress(ClientError):
                    if was_there:
                        model.load_model()
                    else:
                        _unload(model)
                raise

    def _described(self, repository: Repository, name: str) -> dict[str, Any]:
        meta = self._meta(repository, name)
        with self._model(name) as model:
            try:
                ready = bool(model.is_model_ready())
            except UnavailableError:
                ready = False
        return {**meta, "name": name, "ready": ready}

    def _meta(self, repository: Repository, name: str) -> dict[str, Any]:
        meta = repository.meta(target.check_name(name))
        if meta is None:
            raise errors.failure(
                f"{repository.path_of(name)} is no deployment of MLflow: there is no {META} in it.",
                "RESOURCE_DOES_NOT_EXIST",
            )
        return meta

    def _repository(self) -> Repository:
        return repositories.open_repository(target.repository_of(self._target))

    @contextlib.contextmanager
    def _model(self, name: str) -> Iterator[TritonModel]:
        """A client of a model, whose errors are MLflow's."""
        try:
            with TritonModel(self._target.url, name, options=Options(retries=1)) as model:
                yield model
        except ClientError as error:
            raise errors.of_client(error, f"{name} at {self._target.url}") from None


def download(model_uri: str, scratch: Path) -> Path:
    """The folder of a model of any URI that MLflow knows; it is not the caller's to change.

    Raises:
        MlflowException: there is no such model.
    """
    import mlflow.artifacts

    folder = scratch / "mlflow"
    folder.mkdir()
    return Path(mlflow.artifacts.download_artifacts(artifact_uri=model_uri, dst_path=str(folder)))


def _unload(model: TritonModel) -> None:
    """Unload a model, and wait until it has left the server."""
    try:
        model.unload_model()
    except ModelNotFoundError:
        return
    except UnavailableError:
        raise
    except InferenceError as error:
        # What was never loaded cannot be unloaded.
        if "unknown model" in str(error) or "not found" in str(error):
            return
        raise
    end = time.monotonic() + _UNLOAD_SECONDS
    while time.monotonic() < end and model.is_model_ready():
        time.sleep(0.05)


def _no_endpoint(endpoint: str | None) -> None:
    if endpoint is not None:
        raise errors.refused("the target triton has no endpoints; leave --endpoint out and give --name.")
