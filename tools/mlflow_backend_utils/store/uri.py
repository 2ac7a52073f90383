"""Where a model is: the kinds of URI, told apart by their scheme."""

from __future__ import annotations

import enum
import os
import re
import urllib.parse
import urllib.request

from mlflow_backend_utils.store.errors import UriError

ALLOWED = (
    "a local folder or archive, file:…, runs:/RUN_ID/PATH, models:/NAME/VERSION, models:/NAME/STAGE, "
    "models:/NAME@ALIAS, models:/MODEL_ID, mlflow-artifacts:/PATH, s3://BUCKET/KEY, "
    "http(s)://HOST/PATH of an archive or of an MLflow artifact proxy"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_RUN = re.compile(r"runs:/+([0-9A-Za-z_-]+)/(.+)")


class Kind(enum.Enum):
    """Who has to be asked."""

    LOCAL = "local"
    HTTP = "http"
    S3 = "s3"
    TRACKING = "tracking"


_KINDS = {
    "file": Kind.LOCAL,
    "http": Kind.HTTP,
    "https": Kind.HTTP,
    "mlflow-artifacts": Kind.TRACKING,
    "models": Kind.TRACKING,
    "runs": Kind.TRACKING,
    "s3": Kind.S3,
}


def scheme(uri: str) -> str:
    """The scheme in lower case; "" for a path."""
    match = _SCHEME.match(uri)
    return match.group(1).lower() if match else ""


def kind_of(uri: str) -> Kind:
    """The kind of a URI.

    Raises:
      UriError: it is of none.
    """
    if not uri:
        raise UriError(f"the URI is empty; allowed are {ALLOWED}")
    found = scheme(uri)
    if not found:
        return Kind.LOCAL
    if found not in _KINDS:
        raise UriError(f"{redacted(uri)!r}: scheme {found!r} is not supported; allowed are {ALLOWED}")
    if found == "runs" and not _RUN.fullmatch(uri):
        raise UriError(f"{uri!r} does not name a model in a run; give runs:/RUN_ID/PATH")
    return _KINDS[found]


def run_id(uri: str) -> str:
    """The run that a `runs:/` URI names; "" for other URIs."""
    match = _RUN.fullmatch(uri)
    return match.group(1) if match else ""


def local_path(uri: str) -> str:
    """The path of a local URI.

    Raises:
      UriError: a `file:` URI that names another machine.
    """
    if scheme(uri) != "file":
        return os.path.expanduser(uri)
    parts = urllib.parse.urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise UriError(f"{uri!r} names the machine {parts.netloc!r}; give file:///PATH of this one")
    return urllib.request.url2pathname(parts.path)


def redacted(uri: str) -> str:
    """`uri` without user name, password and query: what may be shown and kept (signed URLs carry a secret there)."""
    if scheme(uri) not in ("http", "https", "s3", "mlflow-artifacts"):
        return uri
    parts = urllib.parse.urlsplit(uri)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
