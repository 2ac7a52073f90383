"""`@models//:NAME` is the model that the digest in MODULE.bazel pins, as an `mlflow_model`."""

from absl.testing import absltest

from tests.runfiles import runfiles


class PinnedTest(absltest.TestCase):
    def test_files(self) -> None:
        model = runfiles.path("MODEL")
        files = sorted(path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file())
        self.assertEqual(files, ["MLmodel", "code/constant.py"])
        self.assertEqual((model / "code/constant.py").read_bytes(), runfiles.path("CODE").read_bytes())
        self.assertIn("loader_module: constant", (model / "MLmodel").read_text())


if __name__ == "__main__":
    absltest.main()
