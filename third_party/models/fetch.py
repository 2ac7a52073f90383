"""Fetches a model by URI for a build, and checks its digest. Standard library only for local paths and HTTP archives.

usage: fetch.py --name N --uri URI --out DIR [--sha256 DIGEST] [--store DIR]

Writes the model's files to DIR. A model with the wanted digest that was fetched before comes from a store below the
user's cache folder, without asking anybody; what is fetched is put there. The user's own store is not touched.

Every failure is one message on stderr and exit status 1. Without --sha256 the message tells the digest to write: a
build must not depend on what a URI means today.
"""

from __future__ import annotations

import argparse
import os
import sys

sys.dont_write_bytecode = True  # no __pycache__ beside this file: it lies in a source tree

# One resolver for the whole project; it lies with the libraries behind the command line.
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))

from mlflow_backend_utils.store import digest, errors, fetch, reference, uri  # noqa: E402
from mlflow_backend_utils.store.store import Store, cache_folder  # noqa: E402

# The interpreter for URIs that need packages; the repository rule reads it.
PYTHON_VARIABLE = "MLFLOW_BACKEND_MODELS_PYTHON"


def cached(store: Store, name: reference.Reference, out: str) -> bool:
    """Write a model fetched before to `out`; whether there was one, undamaged."""
    try:
        store.export(name, out)
    except (errors.NotFoundError, errors.DigestError):
        return False
    return True


def fetch_model(name: str, given: str, wanted: str, out: str, folder: str) -> None:
    """Write the model at the URI `given` to the folder `out`, which must not exist.

    Args:
      name: of the model, for messages and in the store.
      given: the URI.
      wanted: sha256 of the model's tree; "": unknown.
      out: folder to make.
      folder: the store of models fetched before.

    Raises:
      StoreError: it cannot be had, or has another digest.
    """
    store = Store(folder)
    if wanted:
        digest.check_digest(wanted)
        if cached(store, reference.parse(f"{name}:{wanted[:16]}"), out):
            if digest.tree_digest(out) == wanted:
                return
            raise errors.DigestError(f"two models whose digests begin with {wanted[:16]}; empty {folder}")
    with store.scratch() as scratch:
        fetched = fetch.fetch(given, scratch)
        found = digest.tree_digest(fetched.folder)
        if not wanted:
            raise errors.DigestError(
                f"the model has no digest, so the build would change with what {uri.redacted(given)} means. What is "
                f'there now is pinned by\n\n    sha256 = "{found}",\n'
            )
        if found != wanted:
            raise errors.DigestError(
                f"{uri.redacted(given)} does not have the digest it should have\n  wanted sha256 {wanted}\n"
                f"  found  sha256 {found}\nThe model was changed since. If the new one is right, write the digest found"
            )
        pinned = reference.parse(f"{name}:{wanted[:16]}")
        store.add(pinned, fetched.folder, uri.redacted(given), {}, consume=fetched.ours)
    store.export(pinned, out)


def main(argv: list[str]) -> int:
    """Command line entry; see the head of this file."""
    parser = argparse.ArgumentParser(description="Fetch a model by URI and check its digest.")
    parser.add_argument("--name", required=True, help="name of the model")
    parser.add_argument("--uri", required=True, help="where it is")
    parser.add_argument("--sha256", default="", help="digest of its tree")
    parser.add_argument("--out", required=True, help="folder to make")
    parser.add_argument("--store", default=cache_folder(os.environ), help="folder of models fetched before")
    options = parser.parse_args(argv)
    try:
        fetch_model(options.name, options.uri, options.sha256, options.out, options.store)
    except errors.MissingPackageError as error:
        print(
            f"fetch: {error}. Builds use the python3 of PATH; {PYTHON_VARIABLE} names another, such as that of a "
            "virtual environment with the package",
            file=sys.stderr,
        )
        return 1
    except errors.StoreError as error:
        print(f"fetch: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"fetch: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
