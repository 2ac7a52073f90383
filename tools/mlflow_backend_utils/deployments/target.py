"""Where to deploy: the server and its model repository, from the target URI and the environment; and valid names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mlflow_backend_utils.deployments import errors

_URL = "TRITON_URL"
_REPOSITORY = "TRITON_MODEL_REPO"
_DEFAULT_URL = "grpc://localhost:8001"
# Letters of any script; what could leave the repository, or hide in it, is not allowed.
_NAME = re.compile(r"[^\W_][\w.+ =@-]*")


@dataclass(frozen=True)
class Target:
    """Where models are deployed.

    Attributes:
        url: the server, as `TritonModel` takes it.
        repository: `TRITON_MODEL_REPO`; "": not set.
    """

    url: str
    repository: str


def read(uri: str, environ: Mapping[str, str]) -> Target:
    """The target of a URI, `triton` or `triton://HOST:PORT`."""
    netloc = urlsplit(uri).netloc
    url = f"grpc://{netloc}" if netloc else environ.get(_URL, "") or _DEFAULT_URL
    return Target(url if "://" in url else f"grpc://{url}", environ.get(_REPOSITORY, ""))


def repository_of(target: Target) -> str:
    """The model repository.

    Raises:
        MlflowException: it is not set.
    """
    if not target.repository:
        raise errors.refused(
            f"{_REPOSITORY} is not set; set it to the server's model repository, a folder or s3://BUCKET[/PREFIX]."
        )
    return target.repository


def check_name(name: str) -> str:
    """A name that is one folder in a model repository.

    Raises:
        MlflowException: it is not.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or ".." in name:
        raise errors.refused(
            f"{name!r} is no name for a deployment; it becomes a folder of the model repository: begin with a letter "
            "or digit, without '/' or '..'."
        )
    return name
