"""Model repositories that deployments write: a folder, or a bucket."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from mlflow_backend_utils.deployments import errors

# What a deployment is, beside its config.pbtxt; models without it were not deployed by this.
META = "mlflow-meta.json"


class Repository(Protocol):
    """A model repository."""

    def path_of(self, name: str) -> str:
        """Where a model is, or would be."""

    def exists(self, name: str) -> bool:
        """Whether there is a model, deployed by this or not."""

    def deployed(self) -> list[str]:
        """Names of the models that were deployed by this, sorted."""

    def meta(self, name: str) -> dict[str, Any] | None:
        """What was written about a deployment; None: there is none."""

    def put(self, name: str, folder: Path) -> None:
        """Put a model folder in place of what is there, if anything is; `folder` may be used up."""

    def remove(self, name: str) -> None:
        """Remove a model, if it is there."""

    def copy_out(self, name: str, target: Path) -> None:
        """Copy a model to the folder `target`, which must not exist."""


def open_repository(place: str) -> Repository:
    """The model repository at a folder, or at `s3://…`."""
    if place.startswith("s3://"):
        return BucketRepository(place)
    return FolderRepository(Path(place.removeprefix("file://")))


@contextmanager
def restored_on_error(repository: Repository, name: str) -> Iterator[None]:
    """The model is afterwards as it was before, if there is an error."""
    with tempfile.TemporaryDirectory(prefix="mlflow-deploy-") as scratch:
        kept = Path(scratch, "kept")
        if repository.exists(name):
            repository.copy_out(name, kept)
        try:
            yield
        except BaseException:
            if kept.exists():
                repository.put(name, kept)
            else:
                repository.remove(name)
            raise


def _parsed(text: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise errors.failure(f"{place} is no JSON object; remove the file, or the model.", "INVALID_STATE")
    return found


class FolderRepository:
    """A folder.

    Args:
        root: the folder.

    Raises:
        MlflowException: there is no such folder.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise errors.refused(f"the model repository {root} is no folder; make it, or correct TRITON_MODEL_REPO.")
        self._root = root.absolute()

    def path_of(self, name: str) -> str:
        """See `Repository`."""
        return str(self._root / name)

    def exists(self, name: str) -> bool:
        """See `Repository`."""
        return (self._root / name).exists()

    def deployed(self) -> list[str]:
        """See `Repository`."""
        return sorted(folder.name for folder in self._root.iterdir() if (folder / META).is_file())

    def meta(self, name: str) -> dict[str, Any] | None:
        """See `Repository`."""
        path = self._root / name / META
        return _parsed(path.read_bytes(), str(path)) if path.is_file() else None

    def put(self, name: str, folder: Path) -> None:
        """See `Repository`. The model is there as a whole or not at all: it is copied beside, and renamed."""
        # A server takes no folder whose name begins with a dot for a model.
        beside = Path(tempfile.mkdtemp(prefix=".mlflow-deploy-", dir=self._root))
        try:
            shutil.copytree(folder, beside / "new", symlinks=True)
            if self.exists(name):
                os.rename(self._root / name, beside / "old")
            os.rename(beside / "new", self._root / name)
        except BaseException:
            if (beside / "old").exists() and not self.exists(name):
                os.rename(beside / "old", self._root / name)
            raise
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def remove(self, name: str) -> None:
        """See `Repository`."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._root / name)

    def copy_out(self, name: str, target: Path) -> None:
        """See `Repository`."""
        shutil.copytree(self._root / name, target, symlinks=True)


class BucketRepository:
    """A bucket of S3, or a folder in it.

    Args:
        place: `s3://BUCKET[/PREFIX]`, or as Triton writes it, `s3://[http(s)://]HOST:PORT/BUCKET[/PREFIX]`.

    Raises:
        MlflowException: it is no such URI, or boto3 is not there.
    """

    def __init__(self, place: str) -> None:
        endpoint, self._bucket, self._prefix = parse_bucket(place)
        try:
            boto3 = importlib.import_module("boto3")
        except ImportError:
            raise errors.refused(f"{place}: needs the package boto3; install it with `pip install boto3`.") from None
        self._place = place.rstrip("/")
        self._client: Any = boto3.client("s3", **({"endpoint_url": endpoint} if endpoint else {}))

    def path_of(self, name: str) -> str:
        """See `Repository`."""
        return f"{self._place}/{name}"

    def exists(self, name: str) -> bool:
        """See `Repository`."""
        return next(self._keys(name), None) is not None

    def deployed(self) -> list[str]:
        """See `Repository`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"
        )
        folders = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ())]
        names = [folder.removeprefix(self._prefix).rstrip("/") for folder in folders]
        return sorted(name for name in names if self.meta(name) is not None)

    def meta(self, name: str) -> dict[str, Any] | None:
        """See `Repository`."""
        key = self._key(name, META)
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None
        return _parsed(body, f"s3://{self._bucket}/{key}")

    def put(self, name: str, folder: Path) -> None:
        """See `Repository`. What says that it is deployed comes last, and goes first."""
        old = set(self._keys(name))
        self._delete([self._key(name, META)] if old else [])
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        files.sort(key=lambda path: path == folder / META)
        new = {self._key(name, path.relative_to(folder).as_posix()): path for path in files}
        self._delete(sorted(old - new.keys()))
        for key, path in new.items():
            self._client.upload_file(str(path), self._bucket, key)

    def remove(self, name: str) -> None:
        """See `Repository`."""
        self._delete(list(self._keys(name)))

    def copy_out(self, name: str, target: Path) -> None:
        """See `Repository`."""
        for key in self._keys(name):
            path = target / key.removeprefix(self._key(name, ""))
            path.parent.mkdir(parents=True, exist_ok=True)
            self._client.download_file(self._bucket, key, str(path))

    def _key(self, name: str, path: str) -> str:
        return f"{self._prefix}{name}/{path}"

    def _keys(self, name: str) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._key(name, ""))
        for page in pages:
            for entry in page.get("Contents", ()):
                yield entry["Key"]

    def _delete(self, keys: list[str]) -> None:
        # S3 takes a thousand at once.
        for start in range(0, len(keys), 1000):
            objects = [{"Key": key} for key in keys[start : start + 1000]]
            self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})


def parse_bucket(place: str) -> tuple[str, str, str]:
    """Endpoint ("": the configured one), bucket, and prefix ("" or with a slash at its end).

    Raises:
        MlflowException: there is no bucket.
    """
    rest = place.removeprefix("s3://")
    scheme = next((scheme for scheme in ("http://", "https://") if rest.startswith(scheme)), "")
    first, _, path = rest.removeprefix(scheme).partition("/")
    endpoint, bucket = "", first
    if scheme or ":" in first:
        endpoint = f"{scheme or 'http://'}{first}"
        bucket, _, path = path.partition("/")
    if not bucket:
        raise errors.refused(f"{place} names no bucket; write s3://BUCKET[/PREFIX] or s3://HOST:PORT/BUCKET[/PREFIX].")
    prefix = path.strip("/")
    return endpoint, bucket, f"{prefix}/" if prefix else ""
