"""Requests made of a model's input example."""

import shlex

from absl.testing import absltest

from mlflow_backend_utils.server import example
from mlflow_backend_utils.server.clients import ModelInfo, TensorInfo


class ExampleTest(absltest.TestCase):
    def test_columns(self) -> None:
        info = ModelInfo((TensorInfo("a b", "FP64", (-1, 1)), TensorInfo("t", "BYTES", (-1, 1))), (), 8)
        body = example.request_body(
            info, {"dataframe_split": {"columns": ["t", "a b"], "data": [["x", 1.5], ["y", 2]]}}
        )
        self.assertEqual(
            body,
            {
                "inputs": [
                    {"name": "a b", "datatype": "FP64", "shape": [1, 1], "data": [1.5]},
                    {"name": "t", "datatype": "BYTES", "shape": [1, 1], "data": ["x"]},
                ]
            },
        )

    def test_tensors(self) -> None:
        info = ModelInfo((TensorInfo("input-0", "FP32", (-1, 3)), TensorInfo("p", "FP32", (-1,), True)), (), 8)
        body = example.request_body(info, {"inputs": [[1, 2, 3], [4, 5, 6]]})
        self.assertEqual(
            body, {"inputs": [{"name": "input-0", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]}
        )
        named = example.request_body(info, {"inputs": {"input-0": [[1, 2, 3]]}})
        self.assertEqual(named, body)

    def test_variable_size(self) -> None:
        info = ModelInfo((TensorInfo("x", "FP32", (-1, -1)),), (), 8)
        body = example.request_body(info, {"inputs": [[1, 2, 3]]})
        assert body
        self.assertEqual(body["inputs"][0]["shape"], [1, 3])

    def test_what_is_no_tensor(self) -> None:
        info = ModelInfo((TensorInfo("x", "FP32", (-1, 1)),), (), 8)
        self.assertIsNone(example.request_body(info, {"messages": []}))
        self.assertIsNone(example.request_body(info, {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]]}}))

    def test_curl_line_survives_the_shell(self) -> None:
        words = shlex.split(example.curl_line("127.0.0.1:8000", "m", {"inputs": [{"name": "it's"}]}))
        self.assertEqual(words[2:], ["http://127.0.0.1:8000/v2/models/m/infer", "-d", '{"inputs":[{"name":"it\'s"}]}'])


if __name__ == "__main__":
    absltest.main()
