"""The device of an instance."""

from absl.testing import absltest, parameterized

from mlflow_backend import placement


class PlacementTest(parameterized.TestCase):
    @parameterized.parameters(
        ("CPU", 0, {}, {"CUDA_VISIBLE_DEVICES": ""}),
        ("CPU", 0, {"CUDA_VISIBLE_DEVICES": "0,1"}, {"CUDA_VISIBLE_DEVICES": ""}),
        ("GPU", 1, {}, {"CUDA_VISIBLE_DEVICES": "1"}),
        ("GPU", 1, {"CUDA_VISIBLE_DEVICES": "4, GPU-5"}, {"CUDA_VISIBLE_DEVICES": "GPU-5"}),
        ("GPU", 2, {"CUDA_VISIBLE_DEVICES": "4,5"}, {"CUDA_VISIBLE_DEVICES": "2"}),
        ("AUTO", 0, {"CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "3"}),
        ("MODEL", 0, {}, {}),
    )
    def test_visible_devices(self, kind: str, device: int, before: dict[str, str], after: dict[str, str]) -> None:
        placement.apply(before, kind, device, ["python_function"])
        self.assertEqual(before, after)

    @parameterized.parameters(
        ("CPU", "pytorch", "cpu"),
        ("GPU", "pytorch", "cuda:0"),
        ("CPU", "transformers", "-1"),
        ("GPU", "transformers", "0"),
        ("AUTO", "transformers", None),
        ("GPU", "sklearn", None),
    )
    def test_default_device_of_mlflow(self, kind: str, flavor: str, device: str | None) -> None:
        environment: dict[str, str] = {}
        placement.apply(environment, kind, 3, ["python_function", flavor])
        self.assertEqual(environment.get("MLFLOW_DEFAULT_PREDICTION_DEVICE"), device)

    def test_a_choice_of_the_user_stays(self) -> None:
        environment = {"MLFLOW_DEFAULT_PREDICTION_DEVICE": "cpu"}
        placement.apply(environment, "GPU", 0, ["pytorch"])
        self.assertEqual(environment["MLFLOW_DEFAULT_PREDICTION_DEVICE"], "cpu")


if __name__ == "__main__":
    absltest.main()
