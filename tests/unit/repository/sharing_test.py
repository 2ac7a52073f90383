"""Many models in one repository: equal environments are stored once."""

from pathlib import Path

from absl.testing import absltest, parameterized

from mlflow_backend_utils.repository import layout, sharing


class SharingTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)

    def model(self, name: str, environment: bytes, part: str = layout.ARCHIVE_NAME) -> str:
        folder = self.folder / "built" / name
        (folder / "1").mkdir(parents=True)
        (folder / "1" / "MLmodel").write_text(name)
        (folder / layout.CONFIG_NAME).write_text(f'name: "{name}" path: "$$TRITON_MODEL_DIRECTORY/{part}"\n')
        (folder / layout.STUB_NAME).write_bytes(b"\x7fELF")
        (folder / layout.STUB_NAME).chmod(0o755)
        path = folder / part
        if part == layout.ENV_FOLDER_NAME:
            path.mkdir()
            path = path / "activate"
        path.write_bytes(environment)
        return str(folder)

    @parameterized.parameters(layout.ARCHIVE_NAME, layout.ENV_FOLDER_NAME)
    def test_equal_environments_are_stored_once(self, part: str) -> None:
        models = {name: self.model(name, b"same", part) for name in ("b", "a")}
        models["c"] = self.model("c", b"other", part)
        out = self.folder / "out"
        sharing.merge(models, str(out))
        self.assertTrue((out / "a" / part).exists())
        self.assertFalse((out / "b" / part).exists())
        self.assertTrue((out / "c" / part).exists())
        self.assertIn(f'"$$TRITON_MODEL_DIRECTORY/{part}"', (out / "a" / layout.CONFIG_NAME).read_text())
        self.assertIn(f'"$$TRITON_MODEL_DIRECTORY/../a/{part}"', (out / "b" / layout.CONFIG_NAME).read_text())
        self.assertEqual((out / "b" / layout.STUB_NAME).stat().st_mode & 0o777, 0o755)
        self.assertEqual((out / "b" / "1" / "MLmodel").read_text(), "b")

    def test_config_that_points_elsewhere_cannot_share(self) -> None:
        models = {name: self.model(name, b"same") for name in ("a", "b")}
        Path(models["b"], layout.CONFIG_NAME).write_text('name: "b"\n')
        with self.assertRaisesRegex(layout.AssembleError, "0 times instead of once.*set EXECUTION_ENV_PATH"):
            sharing.merge(models, str(self.folder / "out"))

    def test_no_config(self) -> None:
        with self.assertRaisesRegex(layout.AssembleError, r"model a: .* holds no config\.pbtxt"):
            sharing.merge({"a": str(self.folder)}, str(self.folder / "out"))


if __name__ == "__main__":
    absltest.main()
