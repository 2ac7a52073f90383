"""Models in S3, and in what speaks its API.

Credentials, region and `AWS_ENDPOINT_URL` are those of boto3; `MLFLOW_S3_ENDPOINT_URL`, `MLFLOW_S3_IGNORE_TLS` and
`MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE` count as for MLflow.
"""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Mapping
from concurrent import futures
from typing import Any

from mlflow_backend_utils.store import archive, digest, source
from mlflow_backend_utils.store.errors import FetchError, MissingPackageError, NotAModelError, NotFoundError, UriError
from mlflow_backend_utils.store.limits import Budget
from mlflow_backend_utils.store.progress import Progress

# Models are some big files and many small ones, for which each request's latency is what counts.
_THREADS = 8


def _client(environ: Mapping[str, str]) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MissingPackageError(
            "s3:// URIs need the package boto3 in the Python that runs this; install it with `pip install boto3`"
        ) from error
    return boto3.client(
        "s3",
        endpoint_url=environ.get("MLFLOW_S3_ENDPOINT_URL") or None,
        verify=False if environ.get("MLFLOW_S3_IGNORE_TLS", "").lower() in ("true", "1") else None,
        config=Config(s3={"addressing_style": environ.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE") or "auto"}),
    )


def _objects(client: Any, bucket: str, key: str) -> dict[str, int]:
    """Key to size in bytes of the object `key` and of those below it."""
    sizes = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key):
        for item in page.get("Contents", []):
            name = item["Key"]
            # A key that ends with a slash is how consoles make folders.
            if (name == key or not key or name.startswith(key + "/")) and not name.endswith("/"):
                sizes[name] = item["Size"]
    return sizes


def _targets(sizes: Mapping[str, int], key: str, scratch: str) -> dict[str, str]:
    """Key to the file to write."""
    if list(sizes) == [key]:
        return {key: os.path.join(scratch, os.path.basename(key))}
    start = len(key) + 1 if key else 0
    inside = {name: digest.check_path(name[start:]) for name in sizes if name != key}
    return {
        name: os.path.join(scratch, "objects", path) for name, path in inside.items() if not digest.is_bytecode(path)
    }


def fetch(given: str, scratch: str, environ: Mapping[str, str], budget: Budget, progress: Progress) -> source.Fetched:
    """The model at `s3://BUCKET/KEY`, a folder or an archive, below `scratch`.

    Raises:
      UriError: no bucket.
      MissingPackageError: no boto3.
      NotFoundError, FetchError: there is no such key, or the service does not answer or refuses.
      NotAModelError, ArchiveError, LimitError: what is there is no model.
    """
    parts = urllib.parse.urlsplit(given, allow_fragments=False)
    bucket, key = parts.netloc, parts.path.strip("/")
    if not bucket:
        raise UriError(f"{given!r} names no bucket; give s3://BUCKET/KEY")
    client = _client(environ)
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        sizes = _objects(client, bucket, key)
        if not sizes:
            raise NotFoundError(f"{given}: the bucket has nothing there")
        targets = _targets(sizes, key, scratch)
        arriving = budget.fresh()
        for name, path in targets.items():
            arriving.add_file(f"{given}: {name}")
            arriving.spend(sizes[name], f"{given}: {name}")
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                raise NotAModelError(f"{given}: {name} lies below a key that is an object itself") from error
        progress.begin(given.rstrip("/").rpartition("/")[2], sum(sizes[name] for name in targets))
        with futures.ThreadPoolExecutor(_THREADS) as pool:
            jobs = [
                pool.submit(client.download_file, bucket, name, path, Callback=progress.advance)
                for name, path in targets.items()
            ]
            try:
                for job in futures.as_completed(jobs):
                    job.result()
            finally:
                for job in jobs:
                    job.cancel()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in ("NoSuchBucket", "NoSuchKey", "404"):
            raise NotFoundError(f"{given}: {error}") from error
        raise FetchError(f"{given}: {error}. Check the credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE, …)") from error
    except (BotoCoreError, Boto3Error) as error:
        raise FetchError(
            f"{given}: {error}. Check the credentials, and MLFLOW_S3_ENDPOINT_URL or AWS_ENDPOINT_URL where it is not "
            "Amazon's"
        ) from error
    if list(sizes) == [key]:
        file = targets[key]
        if not archive.is_archive(file):
            raise NotAModelError(
                f"{given} is one object and no archive; give the prefix of a model or an archive of one"
            )
        return source.Fetched(source.unpacked(file, scratch, given, budget), True, {})
    return source.Fetched(source.find_model(os.path.join(scratch, "objects"), given), True, {})
