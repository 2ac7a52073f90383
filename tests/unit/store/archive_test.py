"""Archives: what is unpacked, what is refused, and that what is written is always the same."""

import io
import pathlib
import shutil
import stat
import tarfile
import zipfile

from absl.testing import absltest, parameterized

from mlflow_backend_utils.store import archive, digest
from mlflow_backend_utils.store.errors import ArchiveError, LimitError
from mlflow_backend_utils.store.limits import Budget
from tests.unit.store import models


def _tar_member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b"x"
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data) if kind == tarfile.REGTYPE else 0
    return info, data


class ArchiveTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.top = pathlib.Path(self.create_tempdir().full_path)

    def tar(self, *members: tuple[tarfile.TarInfo, bytes]) -> pathlib.Path:
        path = self.top / "a.tar.gz"
        with tarfile.open(path, "w:gz") as packed:
            for info, data in members:
                packed.addfile(info, io.BytesIO(data))
        return path

    def zip(self, *names: str, kind: int = stat.S_IFREG) -> pathlib.Path:
        path = self.top / "a.zip"
        with zipfile.ZipFile(path, "w") as packed:
            for name in names:
                info = zipfile.ZipInfo(name)
                info.external_attr = (kind | 0o644) << 16
                packed.writestr(info, "x")
        return path

    def refused(self, path: pathlib.Path, message: str, budget: Budget | None = None) -> None:
        shutil.rmtree(self.top / "out", ignore_errors=True)
        before = models.content(self.top)
        error = LimitError if budget else ArchiveError
        with self.assertRaisesRegex(error, message):
            archive.unpack(path, self.top / "out" / "inner", budget or Budget())
        inside = {name: data for name, data in models.content(self.top).items() if not name.startswith("out/inner/")}
        self.assertEqual(inside, before)  # nothing was written elsewhere

    @parameterized.parameters(".tar.gz", ".tgz", ".zip")
    def test_written_archives_are_reproducible_and_come_back(self, suffix: str) -> None:
        folder = models.write(self.top / "model", code__a="1", data__b="2" * 100_000)
        paths = sorted(models.content(folder))
        packed = []
        for name in ("x", "y"):
            (self.top / name).mkdir()
            packed.append(self.top / name / f"{name}{suffix}")
            archive.write(folder, paths, packed[-1])
            (folder / "MLmodel").touch()
            (folder / "MLmodel").chmod(0o755)
        self.assertEqual(packed[0].read_bytes(), packed[1].read_bytes())
        archive.unpack(packed[0], self.top / "out", Budget())
        self.assertEqual(models.content(self.top / "out"), models.content(folder))
        self.assertEqual(digest.tree_digest(self.top / "out"), digest.tree_digest(folder))

    def test_unknown_suffix(self) -> None:
        with self.assertRaisesRegex(ArchiveError, r"ends with one of \.tar\.gz, \.tgz, \.zip"):
            archive.write(self.top, [], self.top / "a.rar")

    @parameterized.parameters("../a", "/etc/a", "b/../../a", "a\\..\\b", "a\nb")
    def test_paths_that_lead_out(self, name: str) -> None:
        self.refused(self.tar(_tar_member("good"), _tar_member(name)), "no path inside a model|control character")
        self.refused(self.zip("good", name), "no path inside a model|control character")

    @parameterized.parameters(
        (tarfile.SYMTYPE, "../../a", "a link"),
        (tarfile.SYMTYPE, "good", "a link"),
        (tarfile.LNKTYPE, "good", "a link"),
        (tarfile.FIFOTYPE, "", "a device or pipe"),
        (tarfile.CHRTYPE, "", "a device or pipe"),
    )
    def test_what_is_no_file(self, kind: bytes, link: str, message: str) -> None:
        self.refused(self.tar(_tar_member("good"), _tar_member("bad", kind, link)), f"bad is {message}")

    def test_links_in_zip_files(self) -> None:
        self.refused(self.zip("bad", kind=stat.S_IFLNK), "bad is a link or device")

    def test_what_is_there_twice(self) -> None:
        self.refused(self.tar(_tar_member("a"), _tar_member("./a")), "there twice")
        self.refused(self.tar(_tar_member("a"), _tar_member("a/b")), "a file and a folder at once")

    def test_limits(self) -> None:
        bomb = self.tar(_tar_member("a", data=b"\0" * 10_000_000))
        self.assertLess(bomb.stat().st_size, 100_000)
        self.refused(bomb, "more than 1000000 bytes; allow more with --max-bytes", Budget(max_bytes=1_000_000))
        self.assertLess((self.top / "out" / "inner" / "a").stat().st_size, 1_000_001)
        self.refused(self.zip("x", "y", "z"), "more than 2 files; allow more with --max-files", Budget(max_files=2))

    @parameterized.parameters(20, 60, 100)
    def test_damaged_archives(self, kept: int) -> None:
        folder = models.write(self.top / "model")
        for suffix in (".tar.gz", ".zip"):
            path = self.top / f"damaged{suffix}"
            archive.write(folder, sorted(models.content(folder)), path)
            path.write_bytes(path.read_bytes()[:kept])
            self.refused(path, "is no archive|is damaged")

    def test_other_files(self) -> None:
        path = models.write(self.top / "model") / "MLmodel"
        self.refused(path, "MLmodel is no archive; allowed are .tar.gz")

    def test_a_tar_that_ends_with_a_zip(self) -> None:
        inner = self.zip("member").read_bytes()
        path = self.top / "a.tar"
        with tarfile.open(path, "w") as packed:
            for info, data in (_tar_member("first"), _tar_member("weights.zip", data=inner)):
                packed.addfile(info, io.BytesIO(data))
        path.write_bytes(path.read_bytes().rstrip(b"\0") + b"\0" * 1024)
        archive.unpack(path, self.top / "out", Budget())
        self.assertEqual(sorted(models.content(self.top / "out")), ["first", "weights.zip"])


if __name__ == "__main__":
    absltest.main()
