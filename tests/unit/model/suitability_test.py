"""Whether an environment suits a model, and the words when it does not."""

from pathlib import Path

from absl.testing import absltest, parameterized
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from mlflow_backend_utils.model import suitability
from tests.unit.model import fixtures

_DIGEST = "0123456789abcdef" * 4


class SuitabilityTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)

    def check(self, requirements: str = "", python: str = "3.11", mlmodel: str = fixtures.MLMODEL) -> list[str]:
        model = fixtures.written(self.folder / "model", mlmodel, requirements)
        lock = self.folder / "wine_3.11.lock"
        pins = ("mlflow-skinny==3.17.2", "scikit-learn==1.9.1", "torch==2.13.0+cpu", "numpy==2.5.5rc1")
        pins += ("xgboost-cpu==3.2.0",)
        lock.write_text("".join(f"{pin} --hash=sha256:{_DIGEST}\n" for pin in pins))
        return suitability.check(str(model), str(lock), python)

    @parameterized.parameters(
        "",
        "# comment\n-c constraints.txt\n--extra-index-url x\n",
        "scikit_learn==1.9.1\nmlflow==3.17.2\nmlflow-skinny\n",
        "torch==2.13.0",
        "xgboost==3.2.0",
        "numpy>=2",
        "pywin32 ; sys_platform == 'win32'",
        "tomli ; python_version < '3.11'",
    )
    def test_suits(self, requirements: str) -> None:
        self.assertEqual(self.check(requirements), [])

    def test_missing_package(self) -> None:
        (problem,) = self.check("skops>=0.11\n")
        self.assertEqual(
            problem,
            "the model needs skops>=0.11, but the environment's lock wine_3.11.lock does not provide it: is not in it. "
            "Add 'skops>=0.11' to the input of the lock and write the lock again",
        )

    def test_other_version(self) -> None:
        (problem,) = self.check("scikit-learn==1.5.0\n")
        self.assertIn("does not provide it: it has scikit-learn==1.9.1", problem)

    def test_every_problem_is_told(self) -> None:
        self.assertLen(self.check("a\nb==1\nscikit-learn\n", "3.12"), 3)

    def test_python(self) -> None:
        (problem,) = self.check(python="3.12")
        self.assertStartsWith(problem, "the model was saved with Python 3.11.7, but the environment has Python 3.12")

    def test_no_python_function(self) -> None:
        (problem,) = self.check(mlmodel=fixtures.MLMODEL.replace("python_function", "sklearn"))
        self.assertIn("no flavor 'python_function' (flavors: sklearn)", problem)

    def test_unparseable_signature(self) -> None:
        (problem,) = self.check(mlmodel=fixtures.MLMODEL.replace('[{"type": "double"', '[{"type": '))
        self.assertIn("MLmodel: 'signature.inputs' is not JSON", problem)

    def test_not_a_requirement(self) -> None:
        (problem,) = self.check("good\n== bad\n")[-1:]
        self.assertIn("requirements.txt:2: '== bad' is no requirement", problem)

    def test_lock_without_hashes(self) -> None:
        model = fixtures.written(self.folder / "model")
        lock = self.folder / "x.lock"
        lock.write_text("numpy==2.0\n")
        (problem,) = suitability.check(str(model), str(lock), "3.11")
        self.assertStartsWith(problem, "x.lock:1: 'numpy==2.0' has no --hash")

    def test_no_model(self) -> None:
        (problem,) = suitability.check(str(self.folder), "unused", "3.11")
        self.assertIn("no MLmodel file", problem)

    @given(st.integers(0, 9), st.integers(0, 9))
    def test_exact_pins(self, wanted: int, locked: int) -> None:
        reason = suitability.unmet(Requirement(f"a==1.{wanted}"), {"a": f"1.{locked}"}, "3.11")
        self.assertEqual(not reason, wanted == locked)


if __name__ == "__main__":
    absltest.main()
