"""The digest of a tree: what counts, what does not, and that a shell computes the same."""

import os
import pathlib
import subprocess

from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_backend_utils.store import digest
from mlflow_backend_utils.store.digest import Entry
from mlflow_backend_utils.store.errors import DigestError, NotAModelError
from tests.unit.store import models

_NAMES = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/\\"), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))
# Names that begin alike, so that sorting by parts, by code points and by bytes differ.
_PATHS = st.lists(
    _NAMES | st.sampled_from(["a", "a-", "a.", "A", "ä", "\U0001f600", "\uffff"]), min_size=1, max_size=3
).map("/".join)
_DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
_SHELL = (
    "find -L . -type f -not -path '*/__pycache__/*' -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
)


def _without_clashes(paths: list[str]) -> list[str]:
    """`paths` without those that are a folder of another."""
    folders = {path[:at] for path in paths for at, letter in enumerate(path) if letter == "/"}
    return [path for path in paths if path not in folders]


class DigestTest(parameterized.TestCase):
    def folder(self) -> pathlib.Path:
        return pathlib.Path(self.create_tempdir().full_path)

    @given(st.dictionaries(_PATHS, _DIGESTS, min_size=1), st.randoms())
    def test_manifest_has_one_form(self, files: dict[str, str], random) -> None:
        entries = [Entry(path, files[path]) for path in _without_clashes(sorted(files))]
        text = digest.manifest(entries)
        shuffled = list(entries)
        random.shuffle(shuffled)
        self.assertEqual(digest.manifest(shuffled), text)
        self.assertCountEqual(digest.parse_manifest(text), entries)
        self.assertEqual(
            [line[66:].encode() for line in text.split("\n")[:-1]], sorted(e.path.encode() for e in entries)
        )

    @given(st.dictionaries(_PATHS, _DIGESTS, min_size=2))
    def test_no_two_trees_have_one_manifest(self, files: dict[str, str]) -> None:
        entries = [Entry(path, files[path]) for path in _without_clashes(sorted(files))]
        texts = {digest.manifest(entries[:end]) for end in range(len(entries) + 1)}
        self.assertLen(texts, len(entries) + 1)

    @given(st.text(max_size=200))
    def test_what_is_no_manifest_is_refused(self, text: str) -> None:
        try:
            entries = digest.parse_manifest(text)
        except DigestError:
            return
        self.assertEqual(digest.manifest(entries), text)

    @settings(max_examples=15, deadline=None)
    @given(st.dictionaries(_PATHS, st.binary(max_size=50), min_size=1, max_size=6))
    def test_a_shell_computes_the_same(self, files: dict[str, bytes]) -> None:
        folder = self.folder()
        for path in _without_clashes(sorted(files)):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files[path])
        done = subprocess.run(_SHELL, shell=True, cwd=folder, capture_output=True, text=True, check=True)
        self.assertEqual(digest.tree_digest(folder), done.stdout.split()[0])

    def test_what_does_not_count(self) -> None:
        folder = models.write(self.folder(), code__a="1")
        before = digest.tree_digest(folder)
        os.chmod(folder / "model.pkl", 0o755)
        os.utime(folder / "MLmodel", (1, 1))
        (folder / "empty" / "folder").mkdir(parents=True)
        (folder / "code" / "__pycache__").mkdir()
        (folder / "code" / "__pycache__" / "a.pyc").write_text("x")
        (folder / "model.pkl").rename(folder.parent / "weights")
        (folder / "model.pkl").symlink_to(folder.parent / "weights")
        self.assertEqual(digest.tree_digest(folder), before)

    @parameterized.parameters("content", "name", "added", "removed")
    def test_what_counts(self, change: str) -> None:
        folder = models.write(self.folder(), code__a="1")
        before = digest.tree_digest(folder)
        if change == "content":
            (folder / "code" / "a").write_text("2")
        elif change == "name":
            (folder / "code" / "a").rename(folder / "code" / "b")
        elif change == "added":
            (folder / "code" / "b").write_text("")
        else:
            (folder / "code" / "a").unlink()
        self.assertNotEqual(digest.tree_digest(folder), before)

    @parameterized.parameters(
        "", "/etc/passwd", "../a", "a/../b", "a//b", "./a", "a/", ".", "a\nb", "a\\b", "\udcff", "a/" + "b" * 256
    )
    def test_unfit_paths(self, path: str) -> None:
        with self.assertRaises(NotAModelError):
            digest.manifest([Entry(path, "0" * 64)])

    @parameterized.parameters((("a", "a"), "twice"), (("a", "a/b"), "a file and a folder"))
    def test_clashing_paths(self, paths: tuple[str, str], message: str) -> None:
        with self.assertRaisesRegex(NotAModelError, message):
            digest.manifest([Entry(path, "0" * 64) for path in paths])

    def test_unfit_folders(self) -> None:
        folder = self.folder()
        os.symlink("nowhere", folder / "a")
        with self.assertRaisesRegex(NotAModelError, "nowhere, which is not there"):
            digest.tree_digest(folder)
        os.unlink(folder / "a")
        os.symlink("..", folder / "a")
        with self.assertRaisesRegex(NotAModelError, "a folder above it"):
            digest.tree_digest(folder / "a" / folder.name)
        os.unlink(folder / "a")
        os.mkfifo(folder / "a")
        with self.assertRaisesRegex(NotAModelError, "neither a file nor a folder"):
            digest.tree_digest(folder)

    @parameterized.parameters("", "0" * 63, "0" * 65, "A" * 64, "md5:" + "0" * 64)
    def test_unfit_digests(self, text: str) -> None:
        with self.assertRaisesRegex(DigestError, "64 lower-case hexadecimal digits"):
            digest.check_digest(text)
        self.assertEqual(digest.check_digest("sha256:" + "0" * 64), "0" * 64)


if __name__ == "__main__":
    absltest.main()
