"""The store: what is kept, shared, given out and collected; damage; many processes; processes killed at any moment."""

import contextlib
import json
import multiprocessing
import os
import pathlib
import random
import signal
from collections.abc import Callable
from unittest import mock

from absl.testing import absltest, parameterized

from mlflow_backend_utils.store import reference
from mlflow_backend_utils.store.errors import DigestError, NotFoundError, StoreError, UriError
from mlflow_backend_utils.store.reference import Reference
from mlflow_backend_utils.store.store import Store, cache_folder, default_folder
from tests.unit.store import models

_FORK = multiprocessing.get_context("fork")
_WINE = Reference("wine", "latest")
# Every call by which the store changes what is on the disk.
_CHANGES = ("chmod", "fsync", "link", "makedirs", "mkdir", "rename", "replace", "rmdir", "unlink")


def _blobs(store: Store) -> int:
    return sum(path.is_file() for path in pathlib.Path(store.folder, "blobs").rglob("*"))


def _child(work: Callable[[], None]) -> int:
    """Exit status of a process that does `work`: 0, 1 for an exception, or minus the signal that ended it."""
    process = _FORK.Process(target=work)
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


def _killed_at(count: int, work: Callable[[], None]) -> bool:
    """Whether a process that does `work` was killed when it began its change number `count`."""
    left = count

    def before(original: Callable[..., object]) -> Callable[..., object]:
        def change(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        return change

    def dying() -> None:
        with mock.patch.multiple(os, **{name: before(getattr(os, name)) for name in _CHANGES}):
            work()

    status = _child(dying)
    assert status in (0, -signal.SIGKILL), status
    return status != 0


class StoreFixture(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.top = pathlib.Path(self.create_tempdir().full_path)
        self.store = Store(self.top / "store")
        self.exports = 0

    def add(self, name: str, **files: str) -> str:
        """Keeps a model with these files; its digest."""
        folder = models.write(self.top / f"given-{name}-{random.getrandbits(64):x}", **files)
        return self.store.add(reference.parse(name), str(folder), "uri", {}).digest

    def exported(self, name: str) -> dict[str, bytes]:
        self.exports += 1
        out = self.top / f"exported-{self.exports}"
        self.store.export(reference.parse(name), out)
        return models.content(out)


class StoreTest(StoreFixture):
    def test_what_is_known(self) -> None:
        folder = models.write(self.top / "model")
        self.store.add(_WINE, str(folder), "s3://a/b", {"run": {"params": {"C": "1"}}})
        found = self.store.get(_WINE)
        self.assertEqual((found.uri, found.files, found.metadata), ("s3://a/b", 2, {"run": {"params": {"C": "1"}}}))
        self.assertEqual(found.bytes, len(models.MLMODEL) + len("weights"))
        self.assertRegex(found.imported, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
        self.assertEqual(self.store.models(), [found])
        self.assertEqual(json.loads(json.dumps(found.to_json()))["name"], "wine")
        self.assertEqual(models.content(folder).keys(), self.exported("wine").keys())  # still there

    def test_equal_files_are_there_once(self) -> None:
        self.add("a", data__x="same", data__y="same")
        self.assertEqual(_blobs(self.store), 3)
        self.add("b", data__x="same", data__z="other")
        self.assertEqual(_blobs(self.store), 4)
        first = self.add("a:2")
        self.assertEqual(self.add("c"), first)
        self.assertEqual(_blobs(self.store), 4)
        self.store.delete(reference.parse("b"))
        self.assertEqual(_blobs(self.store), 3)
        self.store.delete(reference.parse("a"))
        self.assertEqual(_blobs(self.store), 2)
        self.assertEqual(self.exported("c"), self.exported("a:2"))
        for name in ("a:2", "c"):
            self.store.delete(reference.parse(name))
        self.assertEqual((_blobs(self.store), self.store.models()), (0, []))

    def test_a_new_import_takes_the_name(self) -> None:
        self.add("wine", old="1")
        self.add("wine", new="2")
        self.assertIn("new", self.exported("wine"))
        self.assertLen(self.store.models(), 1)
        self.assertEqual(_blobs(self.store), 3)

    def test_who_edits_what_was_given_out_harms_nothing(self) -> None:
        self.add("wine", data="1")
        self.store.export(_WINE, self.top / "out")
        (self.top / "out" / "data").write_text("2")
        path = pathlib.Path(self.store.path(_WINE))
        self.assertEqual(path.joinpath("data").stat().st_mode & 0o777, 0o444)
        (path / "data").chmod(0o644)
        (path / "data").write_text("3")
        (path / "added").write_text("4")
        self.assertEqual(self.exported("wine")["data"], b"1")
        again = pathlib.Path(self.store.path(_WINE))
        self.assertEqual(again, path)
        self.assertEqual(models.content(again), self.exported("wine"))

    def test_bytecode_in_a_given_folder_is_no_change(self) -> None:
        self.add("wine", code__a="1")
        path = pathlib.Path(self.store.path(_WINE))
        inode = path.stat().st_ino
        (path / "code" / "__pycache__").mkdir()
        (path / "code" / "__pycache__" / "a.pyc").write_text("x")
        self.assertEqual(pathlib.Path(self.store.path(_WINE)).stat().st_ino, inode)

    @parameterized.parameters("changed", "lost")
    def test_a_damaged_file_is_found_and_mended_by_the_next_import(self, damage: str) -> None:
        folder = models.write(self.top / "model", data="1234")
        self.store.add(_WINE, str(folder), "uri", {})
        (blob,) = (
            p for p in pathlib.Path(self.store.folder, "blobs").rglob("*") if p.is_file() and p.read_text() == "1234"
        )
        blob.unlink()
        if damage == "changed":
            blob.write_text("4321")
        with self.assertRaisesRegex(DigestError, "data of .* was changed or lost .*; import the model again"):
            self.store.export(_WINE, self.top / "out")
        self.assertFalse((self.top / "out").exists())
        self.store.add(_WINE, str(folder), "uri", {})
        self.assertEqual(self.exported("wine")["data"], b"1234")

    def test_a_damaged_name_keeps_every_file(self) -> None:
        self.add("wine", data="1")
        self.add("other", data="2")
        record = pathlib.Path(self.store.folder, "models", "wine", "latest.json")
        before = record.read_text()
        record.write_text(before[:50])
        with self.assertRaisesRegex(DigestError, "latest.json is damaged .*; delete 'wine:latest' and import it again"):
            self.store.get(_WINE)
        self.store.delete(reference.parse("other"))
        record.write_text(before)
        self.assertEqual(self.exported("wine")["data"], b"1")

    def test_a_damaged_manifest(self) -> None:
        tree = self.add("wine")
        pathlib.Path(self.store.folder, "trees", tree).write_text("0" * 64 + "  ../../evil\n")
        with self.assertRaisesRegex(DigestError, "was changed in"):
            self.store.export(_WINE, self.top / "out")

    def test_errors(self) -> None:
        for ask in (
            self.store.get,
            self.store.delete,
            self.store.path,
            lambda r: self.store.export(r, self.top / "out"),
        ):
            with self.assertRaisesRegex(NotFoundError, "has no model 'wine:latest'; `models list` shows"):
                ask(_WINE)
        self.assertFalse(pathlib.Path(self.store.folder).exists())
        self.add("wine")
        for name in ("out", "out.zip"):
            (self.top / name).write_text("mine")
            with self.assertRaisesRegex(StoreError, "is there already; nothing is overwritten"):
                self.store.export(_WINE, self.top / name)
        (self.top / "other").mkdir()
        (self.top / "other" / "thesis").write_text("")
        with self.assertRaisesRegex(StoreError, "is no store and not empty; give another folder with --store"):
            Store(self.top / "other")
        pathlib.Path(self.store.folder, "format").write_text("7\n")
        with self.assertRaisesRegex(StoreError, "of format '7'; this program knows '1'"):
            Store(self.store.folder)

    @parameterized.parameters("", "a:", ":a", "a b", "a/b", "../a", "a:../b", ".a", "-a", "a" * 129, "a:b:c", "ä")
    def test_unfit_names(self, name: str) -> None:
        with self.assertRaisesRegex(UriError, "is no NAME or NAME:TAG"):
            reference.parse(name)

    def test_where_stores_are(self) -> None:
        home = {"HOME": "/h"}
        self.assertEqual(default_folder(home), "/h/.local/share/mlflow-backend/models")
        self.assertEqual(default_folder({**home, "XDG_DATA_HOME": "/d"}), "/d/mlflow-backend/models")
        self.assertEqual(cache_folder(home), "/h/.cache/mlflow-backend/models")
        self.assertEqual(cache_folder({**home, "XDG_CACHE_HOME": "/c"}), "/c/mlflow-backend/models")


class CrashTest(StoreFixture):
    """A process killed at any change of the disk leaves every model whole, and no garbage after a collection."""

    def check_every_kill(
        self, work: Callable[[], None], prepare: Callable[[], None], allowed: list[dict[str, str]]
    ) -> None:
        """Kills `work` at each change; each time, the models must be one of `allowed`, name to content of `data`."""
        seen = set()
        for count in range(1, 500):
            prepare()
            died = _killed_at(count, work)
            found = {str(name): self.exported(str(name)) for name in self.store.references()}
            state = {name: files["data"].decode() for name, files in found.items()}
            self.assertIn(state, allowed, count)
            self.store.collect()
            self.assertEqual({name: self.exported(name) for name in found}, found)
            self.assertEqual(_blobs(self.store), len({data for files in found.values() for data in files.values()}))
            self.assertEmpty(os.listdir(os.path.join(self.store.folder, "incoming")))
            self.assertLen(os.listdir(os.path.join(self.store.folder, "trees")), len(set(state.values())))
            seen.add(json.dumps(state, sort_keys=True))
            if not died:
                break
        else:
            self.fail("the work never came to its end")
        self.assertGreater(count, 5)
        self.assertLen(seen, len(allowed))  # before and after

    def test_killed_imports(self) -> None:
        self.check_every_kill(
            lambda: self.add("wine", data="new"),
            lambda: (self.add("wine", data="old"), self.add("other", data="other")),
            [{"wine:latest": "old", "other:latest": "other"}, {"wine:latest": "new", "other:latest": "other"}],
        )

    def test_killed_deletions(self) -> None:
        self.check_every_kill(
            lambda: self.store.delete(_WINE),
            lambda: (self.add("wine", data="old"), self.add("other", data="other")),
            [{"wine:latest": "old", "other:latest": "other"}, {"other:latest": "other"}],
        )

    def test_killed_while_a_folder_is_made(self) -> None:
        self.add("wine", data="old")

        def prepare() -> None:
            if os.path.isdir(os.path.join(self.store.folder, "views")):
                view = pathlib.Path(self.store.path(_WINE))
                (view / "data").chmod(0o644)
                (view / "data").write_text("edited")

        self.check_every_kill(lambda: self.store.path(_WINE), prepare, [{"wine:latest": "old"}])
        self.assertEqual(models.content(pathlib.Path(self.store.path(_WINE))), self.exported("wine"))

    def test_the_first_import_of_all(self) -> None:
        for count in range(1, 200):
            store = Store(self.top / f"store-{count}")
            folder = models.write(self.top / f"model-{count}")
            died = _killed_at(count, lambda store=store, folder=folder: store.add(_WINE, str(folder), "uri", {}))
            again = Store(store.folder)
            self.assertLessEqual(len(again.models()), 1)
            again.add(_WINE, str(models.write(self.top / f"model-{count}")), "uri", {})
            again.export(_WINE, self.top / f"out-{count}")
            if not died:
                return
        self.fail("the import never came to its end")


def _traffic(folder: pathlib.Path, number: int, rounds: int) -> None:
    """Imports, exports, asks for folders and deletes, with names and contents that others use at the same time."""
    chance = random.Random(number)
    store = Store(folder / "store")
    for turn in range(rounds):
        data = str(chance.randrange(3))
        given = models.write(folder / f"given-{number}-{turn}", data=data, shared="shared")
        mine, ours = Reference("mine", f"w{number}"), Reference("ours", data)
        store.add(mine, str(given), "uri", {})
        store.add(ours, str(given), "uri", {})
        out = folder / f"out-{number}-{turn}"
        store.export(mine, out)
        assert models.content(out) == models.content(given)
        assert models.content(pathlib.Path(store.path(mine))) == models.content(given)
        for ask in (store.path, store.get, store.delete):
            with contextlib.suppress(NotFoundError):  # another one deleted it
                ask(ours)
        assert all(model.files == 4 for model in store.models())
        store.delete(mine)


class ConcurrencyTest(parameterized.TestCase):
    def test_many_processes_at_once(self) -> None:
        top = pathlib.Path(self.create_tempdir().full_path)
        workers = [_FORK.Process(target=_traffic, args=(top, number, 8)) for number in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(100)
        self.assertEqual([worker.exitcode for worker in workers], [0] * len(workers))
        store = Store(top / "store")
        for name in store.references():
            store.export(name, top / "last" / name.tag)
            store.delete(name)
        self.assertEqual(_blobs(store), 0)
        for folder in ("incoming", "trees", "views", "models"):
            self.assertEmpty(os.listdir(os.path.join(store.folder, folder)), folder)


if __name__ == "__main__":
    absltest.main()
