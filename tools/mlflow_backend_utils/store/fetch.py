"""One door to models by URI, of every kind."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mlflow_backend_utils.store import http, local, s3, source, tracking, uri
from mlflow_backend_utils.store.limits import Budget
from mlflow_backend_utils.store.progress import Progress, Silent


def fetch(
    given: str,
    scratch: str | os.PathLike[str],
    environ: Mapping[str, str] = os.environ,
    budget: Budget | None = None,
    progress: Progress | None = None,
) -> source.Fetched:
    """The model at a URI, in a local folder.

    Args:
      given: a path or URI; uri.ALLOWED lists the kinds.
      scratch: an existing, empty folder to download into; a local folder is not copied.
      environ: environment variables, for credentials and endpoints.
      budget: most bytes and files.
      progress: is told what arrives.

    Raises:
      UriError: it is no URI of a model.
      MissingPackageError: its kind needs a package that is not installed.
      NotFoundError, FetchError: the model is not there, or who has it does not give it.
      NotAModelError, ArchiveError, LimitError: what is there is no model.
    """
    limits, shown, folder = budget or Budget(), progress or Silent(), os.fspath(scratch)
    kind = uri.kind_of(given)
    if kind is uri.Kind.LOCAL:
        return local.fetch(given, folder, limits)
    if kind is uri.Kind.HTTP:
        return http.fetch(given, folder, environ, limits, shown)
    if kind is uri.Kind.S3:
        return s3.fetch(given, folder, environ, limits, shown)
    return tracking.fetch(given, folder, environ, limits, shown)
