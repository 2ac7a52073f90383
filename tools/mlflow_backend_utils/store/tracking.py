"""Models that an MLflow tracking server or registry knows, by MLflow's own client.

`MLFLOW_TRACKING_URI`, `MLFLOW_REGISTRY_URI` and MLflow's credentials count as everywhere in MLflow. Besides the files
comes, as metadata, what the server knows of the run, the registered version, and the logged model.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow_backend_utils.store import digest, files, source, uri
from mlflow_backend_utils.store.errors import FetchError, MissingPackageError, NotFoundError, UriError
from mlflow_backend_utils.store.limits import Budget
from mlflow_backend_utils.store.progress import Progress

_LOGGED_MODEL = re.compile(r"models:/+(m-[0-9a-f]{32})")
_ALIAS = re.compile(r"models:/+([^/@:]+)@([^/@:]+)")
_VERSION_OR_STAGE = re.compile(r"models:/+([^/@:]+)/([^/@:]+)")
# A copy of MLmodel for each logged model; it only repeats what is imported.
_LEFT_OUT_TAGS = frozenset({"mlflow.log-model.history"})
# What was asked for; MLflow's client writes it beside the files of every model that it knows by name or id, so the same
# model would have another digest by another URI.
_REGISTRY_NOTE = "registered_model_meta"


def _check_tracking_uri(given: str, environ: Mapping[str, str], folder: Path) -> None:
    """A missing setting is told before MLflow makes an empty database in the current folder."""
    if (
        given.startswith("mlflow-artifacts://")
        or environ.get("MLFLOW_TRACKING_URI")
        or environ.get("MLFLOW_REGISTRY_URI")
    ):
        return
    if not any((folder / name).exists() for name in ("mlruns", "mlflow.db")):
        raise UriError(
            f"{given} names something on a tracking server, but MLFLOW_TRACKING_URI is not set and the current folder "
            "has no mlruns or mlflow.db; set it, such as MLFLOW_TRACKING_URI=http://HOST:5000"
        )


def _run(client: Any, run_id: str) -> dict[str, Any]:
    """What the server knows of a run: times in milliseconds since 1970, the last value of each metric."""
    run = client.get_run(run_id)
    return {
        "run_id": run.info.run_id,
        "run_name": run.info.run_name,
        "experiment_id": run.info.experiment_id,
        "status": run.info.status,
        "started": run.info.start_time,
        "ended": run.info.end_time,
        "params": dict(run.data.params),
        "metrics": dict(run.data.metrics),
        "tags": {name: value for name, value in run.data.tags.items() if name not in _LEFT_OUT_TAGS},
    }


def _logged_model(client: Any, model_id: str) -> dict[str, Any]:
    model = client.get_logged_model(model_id)
    return {
        "model_id": model.model_id,
        "name": model.name,
        "experiment_id": model.experiment_id,
        "run_id": model.source_run_id,
        "params": dict(model.params or {}),
        "metrics": {metric.key: metric.value for metric in model.metrics or []},
        "tags": dict(model.tags or {}),
    }


def _find_version(client: Any, given: str) -> Any | None:
    """The registered version that a `models:/` URI means now; None for URIs of other forms."""
    if match := _ALIAS.fullmatch(given):
        return client.get_model_version_by_alias(*match.groups())
    if not (match := _VERSION_OR_STAGE.fullmatch(given)):
        return None
    name, which = match.groups()
    if which.isdigit():
        return client.get_model_version(name, which)
    if which.lower() == "latest":
        versions = client.search_model_versions(f"name='{name}'")
    else:
        versions = client.get_latest_versions(name, stages=[which])
    if not versions:
        raise NotFoundError(f"{given}: the registry has no such version of {name!r}")
    # Found by a search, a version comes without its aliases.
    return client.get_model_version(name, max(versions, key=lambda version: int(version.version)).version)


def _model_version(version: Any) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": str(version.version),
        "stage": version.current_stage,
        "aliases": list(version.aliases or []),
        "description": version.description or "",
        "run_id": version.run_id or "",
        "tags": dict(version.tags or {}),
    }


def _download(given: str, scratch: str, errors: type[Exception]) -> source.Fetched:
    from mlflow import MlflowClient, artifacts

    # Needs PyYAML, which MLflow brings.
    from mlflow_backend_utils.store import metadata

    client = MlflowClient()
    known: dict[str, Any] = {}
    exact = given
    if given.startswith("models:"):
        version = _find_version(client, given)
        if version is not None:
            known["model_version"] = _model_version(version)
            # An alias may move while this runs.
            exact = f"models:/{version.name}/{version.version}"
    target = os.path.join(scratch, "artifacts")
    os.makedirs(target)
    got = artifacts.download_artifacts(artifact_uri=exact, dst_path=target)
    folder = source.find_model(got if os.path.isdir(got) else target, given)
    files.remove_if_there(os.path.join(folder, _REGISTRY_NOTE))
    said = metadata.describe(folder)
    logged = _LOGGED_MODEL.fullmatch(given)
    model_id = logged.group(1) if logged else str(said.get("model_id") or "")
    run_id = uri.run_id(given) or known.get("model_version", {}).get("run_id") or str(said.get("run_id") or "")
    # The files are there; that a run was deleted since, or lies on another server, does not take them away.
    for name, ask, identity in (("logged_model", _logged_model, model_id), ("run", _run, run_id)):
        if identity:
            try:
                known[name] = ask(client, identity)
            except errors as error:
                known[name] = {"missing": f"{identity}: {error}"}
    return source.Fetched(folder, True, known)


def fetch(given: str, scratch: str, environ: Mapping[str, str], budget: Budget, progress: Progress) -> source.Fetched:
    """The model at a `runs:/`, `models:/` or `mlflow-artifacts:/` URI, below `scratch`.

    MLflow's client downloads without limits; what arrived is held against `budget` afterwards.

    Raises:
      MissingPackageError: no MLflow.
      UriError: no server is set.
      NotFoundError, FetchError: the server has no such thing, does not answer, or refuses.
      NotAModelError, LimitError: what is there is no model.
    """
    _check_tracking_uri(given, environ, Path.cwd())
    try:
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException
    except ImportError as error:
        raise MissingPackageError(
            f"{uri.scheme(given)}:/ URIs need MLflow in the Python that runs this; install it with `pip install "
            "mlflow-skinny`, or `pip install mlflow` where the tracking URI is a database"
        ) from error
    progress.begin(given)
    try:
        fetched = _download(given, scratch, MlflowException)
    except MlflowException as error:
        text = f"{given}: {error.message}"
        # An alias that there is not is an "invalid parameter value".
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND") or "not found" in error.message:
            raise NotFoundError(
                f"{text} (tracking server {environ.get('MLFLOW_TRACKING_URI', 'of the current folder')})"
            ) from error
        raise FetchError(text) from error
    except (RequestException, OSError) as error:
        raise FetchError(f"{given}: {error}. Check MLFLOW_TRACKING_URI, and that the server runs") from error
    except ImportError as error:
        raise MissingPackageError(f"{given}: MLflow needs a package that is not installed: {error}") from error
    for path in digest.tree_paths(fetched.folder):
        budget.add_file(f"{given}: {path}")
        budget.spend(os.path.getsize(os.path.join(fetched.folder, path)), f"{given}: {path}")
    return fetched
