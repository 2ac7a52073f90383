"""From a URI into a store."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mlflow_backend_utils.store import fetch, metadata, uri
from mlflow_backend_utils.store.limits import Budget
from mlflow_backend_utils.store.progress import Progress
from mlflow_backend_utils.store.reference import Reference
from mlflow_backend_utils.store.store import Model, Store


def import_model(
    store: Store,
    reference: Reference,
    given: str,
    environ: Mapping[str, str] = os.environ,
    budget: Budget | None = None,
    progress: Progress | None = None,
) -> Model:
    """Fetch the model at a URI and keep it under a name, with what is known about it.

    Raises:
      StoreError: its subclasses, as `fetch.fetch` and `Store.add` raise them.
    """
    with store.scratch() as scratch:
        fetched = fetch.fetch(given, scratch, environ, budget, progress)
        known = {"mlmodel": metadata.describe(fetched.folder), **fetched.metadata}
        shown = os.path.abspath(uri.local_path(given)) if uri.kind_of(given) is uri.Kind.LOCAL else uri.redacted(given)
        return store.add(reference, fetched.folder, shown, known, consume=fetched.ours)
