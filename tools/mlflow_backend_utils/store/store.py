"""A folder of models, addressed by content, for any number of processes at once.

    format                     what this layout is: "1"
    lock                       see below
    blobs/ab/abcdef…           contents of files, by their sha256, read-only; each is there once
    trees/DIGEST               manifests of models (see digest.py)
    models/NAME/TAG.json       what a name stands for: a tree, where it came from, what is known about it
    views/DIGEST/              trees as folders, made when somebody asks for a path
    incoming/…                 what a process is just fetching

Everything appears by a rename, contents before manifests and manifests before names. So a process that is killed leaves
no name without its files; what it leaves is garbage, which the next deletion collects.

`lock` is held shared while something is put in or given out, and exclusively while garbage is collected: that is the
one step in which a file disappears that another process could be about to use. Downloads hold no lock on the store, but
one on their folder in `incoming/`, by which the collector sees that they live.

What is given out is always a copy, checked while it is made. Whoever edits it changes nothing here.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mlflow_backend_utils.store import archive, digest, files, locks
from mlflow_backend_utils.store.errors import DigestError, NotFoundError, StoreError
from mlflow_backend_utils.store.reference import Reference

_FORMAT = "1\n"


class Model(NamedTuple):
    """What a store knows of one model version.

    Attributes:
      reference: its name.
      digest: of its tree.
      uri: where it came from, without credentials.
      imported: when, ISO 8601 in UTC.
      files: how many files it has.
      bytes: size of all files together.
      metadata: what is known about it: `mlmodel` (see metadata.py), `run`, `model_version`, `logged_model`.
    """

    reference: Reference
    digest: str
    uri: str
    imported: str
    files: int
    bytes: int
    metadata: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {"name": self.reference.name, "tag": self.reference.tag, **_record(self)}


def _record(model: Model) -> dict[str, Any]:
    fields = model._asdict()
    del fields["reference"]
    return fields


def default_folder(environ: Mapping[str, str]) -> str:
    """A user's store: below the data folder, for it holds what nobody else may have any more."""
    home = environ.get("HOME") or os.path.expanduser("~")
    data = environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    return os.path.join(data, "mlflow-backend", "models")


def user_cache(environ: Mapping[str, str]) -> str:
    """The project's part of a user's cache folder: what can be fetched or made again."""
    cache = environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "mlflow-backend")


def cache_folder(environ: Mapping[str, str]) -> str:
    """The store of models that builds fetched: below the cache folder, for they can be fetched again."""
    return os.path.join(user_cache(environ), "models")


class Store:
    """The store in a folder; see the head of this file.

    Args:
      folder: where; made when something is put in.

    Raises:
      StoreError: the folder holds something else, or a store of another version.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = os.path.abspath(os.fspath(folder))
        try:
            with open(self._path("format"), encoding="utf-8") as file:
                found = file.read(16)
        except FileNotFoundError:
            if os.path.isdir(self.folder) and set(os.listdir(self.folder)) - {"lock", "incoming"}:
                raise StoreError(f"{self.folder} is no store and not empty; give another folder with --store") from None
            return
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{self.folder} cannot be used as a store: {error}") from error
        if found != _FORMAT:
            raise StoreError(
                f"{self.folder} is a store of format {found.strip()!r}; this program knows {_FORMAT.strip()!r}"
            )

    def _path(self, *parts: str) -> str:
        return os.path.join(self.folder, *parts)

    def _blob(self, sha256: str) -> str:
        return self._path("blobs", sha256[:2], sha256)

    def _record_path(self, reference: Reference) -> str:
        return self._path("models", reference.name, reference.tag + ".json")

    def _locked(self, exclusive: bool = False) -> contextlib.AbstractContextManager[None]:
        return locks.held(self._path("lock"), exclusive)

    def exists(self) -> bool:
        """Whether anything was ever put in."""
        return os.path.isfile(self._path("format"))

    @contextlib.contextmanager
    def scratch(self) -> Iterator[str]:
        """A folder of one's own on the store's file system, gone at the end; if the process dies, a deletion later."""
        os.makedirs(self._path("incoming"), exist_ok=True)
        with self._locked():  # a collector must not see the folder before it is claimed
            folder = tempfile.mkdtemp(dir=self._path("incoming"))
            mark = locks.claim(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(mark)

    def add(
        self, reference: Reference, folder: str, uri: str, metadata: Mapping[str, Any], consume: bool = False
    ) -> Model:
        """Keep the model in `folder` as `reference`, in place of what had that name.

        Args:
          reference: its name.
          folder: the one with `MLmodel`.
          uri: where it came from, as it may be shown.
          metadata: JSON values, kept as they are.
          consume: move files instead of copying them; `folder` must be below a `scratch()` of this store.

        Raises:
          NotAModelError: the folder holds what a model cannot.
        """
        with self.scratch() as own:
            staged: dict[str, str] = {}
            entries, size = [], 0
            for number, path in enumerate(digest.tree_paths(folder)):
                source, target = os.path.join(folder, path), os.path.join(own, str(number))
                if consume and not os.path.islink(source):
                    os.rename(source, target)
                    sha256 = digest.sha256_of(target)
                else:
                    sha256 = files.copy(source, target)
                size += os.path.getsize(target)
                staged[sha256] = target
                entries.append(digest.Entry(path, sha256))
            text = digest.manifest(entries)
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
            model = Model(reference, digest.manifest_digest(text), uri, now, len(entries), size, metadata)
            with self._locked():
                replaced = self._publish(model, text, staged, os.path.join(own, "text"))
        if replaced:
            self.collect()
        return model

    def _publish(self, model: Model, text: str, staged: Mapping[str, str], temporary: str) -> bool:
        """Make a model visible; whether its name stood for another tree before."""
        if not self.exists():
            files.publish_text(_FORMAT, temporary, self._path("format"))
        for sha256, path in staged.items():
            blob = self._blob(sha256)
            # A file of another size was damaged.
            if not os.path.isfile(blob) or os.path.getsize(blob) != os.path.getsize(path):
                files.publish(path, blob, 0o444)
        files.publish_text(text, temporary, self._path("trees", model.digest))
        try:
            replaced = self._read(model.reference).digest != model.digest
        except NotFoundError:
            replaced = False
        except DigestError:
            replaced = True
        record = json.dumps(_record(model), indent=2, sort_keys=True, default=str) + "\n"
        files.publish_text(record, temporary, self._record_path(model.reference))
        return replaced

    def _missing(self, reference: Reference) -> NotFoundError:
        return NotFoundError(f"{self.folder} has no model {str(reference)!r}; `models list` shows what it has")

    def _read(self, reference: Reference) -> Model:
        path = self._record_path(reference)
        try:
            with open(path, encoding="utf-8") as file:
                fields = json.load(file)
            return Model(reference=reference, **{**fields, "digest": digest.check_digest(fields["digest"])})
        except (FileNotFoundError, NotADirectoryError):
            raise self._missing(reference) from None
        except (ValueError, TypeError, KeyError, DigestError) as error:
            raise DigestError(f"{path} is damaged ({error}); delete {str(reference)!r} and import it again") from error

    def get(self, reference: Reference) -> Model:
        """What is known of a model.

        Raises:
          NotFoundError: there is none of that name.
        """
        return self._read(reference)

    def references(self) -> list[Reference]:
        """Every name, sorted."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self._path("models")):
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    for file in os.listdir(self._path("models", name)):
                        if file.endswith(".json"):
                            found.append(Reference(name, file[: -len(".json")]))
        return sorted(found)

    def models(self) -> list[Model]:
        """Every model, sorted by name."""
        found = []
        for reference in self.references():
            with contextlib.suppress(NotFoundError):  # deleted meanwhile
                found.append(self._read(reference))
        return found

    def _manifest(self, tree: str) -> list[digest.Entry]:
        try:
            with open(self._path("trees", tree), encoding="utf-8", newline="") as file:
                text = file.read()
        except FileNotFoundError:
            raise NotFoundError(f"{self.folder} has no tree {tree}") from None
        except UnicodeDecodeError as error:
            raise DigestError(f"the manifest of {tree} is damaged; import the model again") from error
        if digest.manifest_digest(text) != tree:
            raise DigestError(f"the manifest of {tree} was changed in {self.folder}; import the model again")
        return digest.parse_manifest(text)

    def _write_tree(self, tree: str, out: str, mode: int) -> list[str]:
        """Copy a tree to the new folder `out`, checking every file; its paths."""
        paths = []
        os.makedirs(out)
        for entry in self._manifest(tree):
            target, blob = os.path.join(out, entry.path), self._blob(entry.sha256)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            try:
                sha256 = files.copy(blob, target)
            except FileNotFoundError:
                sha256 = ""
            if sha256 != entry.sha256:
                files.remove_if_there(blob)  # so that the next import brings it anew
                raise DigestError(
                    f"{entry.path} of {tree} was changed or lost in {self.folder}; import the model again to mend it"
                )
            os.chmod(target, mode)
            paths.append(entry.path)
        return paths

    def path(self, reference: Reference) -> str:
        """A folder in the store with the model's files, read-only; made when first asked for, and mended when changed.

        It stays until the model is deleted.

        Raises:
          NotFoundError: there is no such model.
          DigestError: its files were damaged.
        """
        self._read(reference)  # nothing is written for a name that there is not
        with self.scratch() as own, self._locked():
            tree = self._read(reference).digest
            view = self._path("views", tree)
            if os.path.isdir(view):
                with contextlib.suppress(StoreError, OSError):
                    if digest.tree_digest(view) == tree:
                        return view
            made = os.path.join(own, "made")
            self._write_tree(tree, made, 0o444)
            os.makedirs(os.path.dirname(view), exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.rename(view, os.path.join(own, "changed"))
            try:
                os.rename(made, view)
            except OSError:
                if not os.path.isdir(view):  # otherwise another process has just made the same
                    raise
            return view

    def export(self, reference: Reference, out: str | os.PathLike[str]) -> Model:
        """Write a model's files to `out`: an archive where the name ends with .tar.gz, .tgz or .zip, else a folder.

        Raises:
          NotFoundError: there is no such model.
          DigestError: its files were damaged.
          StoreError: something is at `out`.
        """
        self._read(reference)  # nothing is written for a name that there is not
        target = os.path.abspath(os.fspath(out))
        if os.path.lexists(target):
            raise StoreError(f"{target} is there already; nothing is overwritten: remove it, or give another path")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".models-export-", dir=os.path.dirname(target)) as own:
            folder = os.path.join(own, "model")
            with self._locked():
                model = self._read(reference)
                paths = self._write_tree(model.digest, folder, 0o644)
            if target.endswith(archive.WRITTEN_SUFFIXES):
                packed = os.path.join(own, "packed" + next(s for s in archive.WRITTEN_SUFFIXES if target.endswith(s)))
                archive.write(folder, paths, packed)
                os.rename(packed, target)
            else:
                os.rename(folder, target)
        return model

    def delete(self, reference: Reference) -> None:
        """Forget a model, and what no other one needs.

        Raises:
          NotFoundError: there is none of that name.
        """
        if not self.exists():
            raise self._missing(reference)
        with self._locked(exclusive=True):
            try:
                os.unlink(self._record_path(reference))
            except FileNotFoundError:
                raise self._missing(reference) from None
            self._collect()

    def collect(self) -> None:
        """Remove what no name stands for, and what dead processes left."""
        if self.exists():
            with self._locked(exclusive=True):
                self._collect()

    def _collect(self) -> None:
        for name in _names(self._path("incoming")):
            if not locks.in_use(self._path("incoming", name)):
                shutil.rmtree(self._path("incoming", name), ignore_errors=True)
        try:
            # One that cannot be read could stand for any tree: then all stay.
            trees = {self._read(reference).digest for reference in self.references()}
            blobs = {entry.sha256 for tree in trees for entry in self._manifest(tree)}
        except (DigestError, NotFoundError):
            return
        for name in _names(self._path("models")):
            with contextlib.suppress(OSError):  # names that are left keep their folder
                os.rmdir(self._path("models", name))
        for tree in _names(self._path("views")):
            if tree not in trees:
                shutil.rmtree(self._path("views", tree), ignore_errors=True)
        for tree in _names(self._path("trees")):
            if tree not in trees:
                files.remove_if_there(self._path("trees", tree))
        for start in _names(self._path("blobs")):
            for sha256 in _names(self._path("blobs", start)):
                if sha256 not in blobs:
                    files.remove_if_there(self._blob(sha256))


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
