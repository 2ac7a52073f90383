"""Answers to pieces as one file."""

from __future__ import annotations

import io
import json
from typing import Any

from absl.testing import absltest, parameterized

from mlflow_backend_utils.batch import writers
from mlflow_backend_utils.messages.errors import BuildError


def _written(kind: type[writers.Writer], *answers: Any) -> str:
    file = io.BytesIO()
    writer = kind(file)
    for answer in answers:
        writer.add(answer)
    writer.finish()
    return file.getvalue().decode()


class WritersTest(parameterized.TestCase):
    @parameterized.parameters(
        ([[1, 2], [3]], [1, 2, 3]),
        ([[]], []),
        ([], []),
        ([[{"a": None}], [{"a": "ü"}]], [{"a": None}, {"a": "ü"}]),
        ([{"a": [1], "b": [2]}, {"a": [3], "b": [4]}], {"a": [1, 3], "b": [2, 4]}),
        (["text"], "text"),
    )
    def test_json(self, answers: list[Any], whole: Any) -> None:
        self.assertEqual(json.loads(_written(writers.JsonWriter, *answers)), {"predictions": whole})

    def test_json_that_cannot_be_joined(self) -> None:
        with self.assertRaisesRegex(BuildError, "one value for many rows; give --rows"):
            _written(writers.JsonWriter, 1, 2)

    @parameterized.parameters(
        ([[1, 2.5], [None]], "prediction\n1\n2.5\n\n"),
        ([[{"a": 1, "b": [2]}], [{"a": True, "b": 'x"'}]], 'a,b\n1,[2]\ntrue,"x"""\n'),
        ([[[1, 2]], [[3, 4]]], "0,1\n1,2\n3,4\n"),
        ([{"a": [1, 2], "b": ["x", "y"]}], "a,b\n1,x\n2,y\n"),
        (["text"], "prediction\ntext\n"),
    )
    def test_csv(self, answers: list[Any], text: str) -> None:
        self.assertEqual(_written(writers.CsvWriter, *answers).replace('""\n', "\n"), text.replace('""\n', "\n"))

    def test_csv_with_other_columns(self) -> None:
        with self.assertRaisesRegex(BuildError, r"columns \['b'\] after \['a'\]; write a .json file instead"):
            _written(writers.CsvWriter, [{"a": 1}], [{"b": 1}])


if __name__ == "__main__":
    absltest.main()
