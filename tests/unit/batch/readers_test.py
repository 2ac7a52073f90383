"""Files in pieces: all rows, once, in order, whatever is in them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_backend_utils.batch import csv_file, formats, json_file, parquet_file
from mlflow_backend_utils.batch.piece import Piece
from mlflow_backend_utils.messages.errors import InputError

_CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _CELLS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_CELLS, inner, max_size=3),
    max_leaves=5,
)


def _table(pieces: list[Piece]) -> list[list[str]]:
    tables = [list(csv.reader(io.StringIO(piece.body.decode(), newline=""))) for piece in pieces]
    return [tables[0][0], *(row for table in tables for row in table[1:])] if tables else []


class ReadersTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)

    def _file(self, content: str | bytes) -> Path:
        path = self.folder / "input"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def _follow_each_other(self, pieces: list[Piece], rows: int) -> None:
        first = 1
        for piece in pieces:
            self.assertEqual(piece.first, first)
            self.assertBetween(piece.rows, 1, rows)
            first += piece.rows

    @given(st.lists(st.lists(_CELLS, min_size=2, max_size=2), max_size=20), st.integers(1, 7))
    @settings(deadline=None, max_examples=200)
    def test_csv(self, rows: list[list[str]], at_once: int) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows([["a", "b"], *rows])
        pieces = list(csv_file.read(self._file(text.getvalue()), at_once))
        self._follow_each_other(pieces, at_once)
        self.assertEqual(_table(pieces)[1:], rows)

    def test_csv_of_spreadsheets(self) -> None:
        (piece,) = csv_file.read(self._file(b'\xef\xbb\xbfa,b\r\n1,"x\r\ny"\r\n'), 5)
        self.assertEqual(piece.body, b'a,b\n1,"x\r\ny"\n')

    @parameterized.parameters((b"", "no header"), (b"a\n\xff\n", "utf-8"), (b'a\n"', "unexpected end"))
    def test_wrong_csv(self, content: bytes, words: str) -> None:
        with self.assertRaisesRegex(InputError, words):
            list(csv_file.read(self._file(content), 5))

    @given(st.lists(_JSON, min_size=1, max_size=20), st.integers(1, 7), st.sampled_from(["instances", "inputs"]))
    @settings(deadline=None, max_examples=200)
    def test_json(self, items: list[Any], at_once: int, form: str) -> None:
        path = self._file(json.dumps({"params": {"x": 1.5}, form: items}))
        pieces = list(json_file.read(path, at_once))
        self._follow_each_other(pieces, at_once)
        found = [json.loads(piece.body) for piece in pieces]
        self.assertEqual([item for document in found for item in document[form]], items)
        self.assertTrue(all(document["params"] == {"x": 1.5} for document in found))

    @parameterized.parameters(True, False)
    def test_split(self, columns_last: bool) -> None:
        split = {"columns": ["a"], "data": [[1], [2.5], [None]]}
        if columns_last:
            split = dict(reversed(split.items()))
        found = [
            json.loads(piece.body) for piece in json_file.read(self._file(json.dumps({"dataframe_split": split})), 2)
        ]
        self.assertEqual(
            found,
            [
                {"dataframe_split": {"data": [[1], [2.5]], "columns": ["a"]}},
                {"dataframe_split": {"data": [[None]], "columns": ["a"]}},
            ],
        )

    def test_inputs_by_column_stay_together(self) -> None:
        body = b'{"inputs": {"a": [1, 2, 3]}}'
        (piece,) = json_file.read(self._file(body), 2)
        self.assertEqual(piece.body, body)

    @parameterized.parameters("", "{", "[1]", "{}", '{"data": [1]}', '{"instances": [1', "nonsense")
    def test_wrong_json(self, text: str) -> None:
        with self.assertRaisesRegex(InputError, "input: "):
            list(json_file.read(self._file(text), 2))

    def test_lines(self) -> None:
        path = self._file('{"a": 1}\n\n{"a": "x"}\n{"a": null}')
        found = [json.loads(piece.body)["dataframe_records"] for piece in json_file.read_lines(path, 2)]
        self.assertEqual(found, [[{"a": 1}, {"a": "x"}], [{"a": None}]])
        for text, words in (("[1]", "input:1: list is no object"), ('{"a": 1}\n{', "input:2: ")):
            with self.assertRaisesRegex(InputError, words):
                list(json_file.read_lines(self._file(text), 2))

    def test_parquet(self) -> None:
        frame = pd.DataFrame({"a": range(10), "b": [f"x{i}" for i in range(10)]})
        path = self.folder / "input"
        frame.to_parquet(path, row_group_size=4)
        pieces = list(parquet_file.read(path, 3))
        self._follow_each_other(pieces, 3)
        found = pd.concat([pd.read_parquet(io.BytesIO(piece.body)) for piece in pieces], ignore_index=True)
        pd.testing.assert_frame_equal(found, frame)
        with self.assertRaisesRegex(InputError, "input: "):
            list(parquet_file.read(self._file("PAR1"), 3))

    def test_kinds_by_name(self) -> None:
        self.assertIs(formats.reader(Path("a.b.CSV"), None), csv_file.read)
        self.assertIs(formats.reader(Path("a.csv"), "json"), json_file.read)
        with self.assertRaisesRegex(InputError, "a.txt: .*--input-type, one of csv, json, jsonl, parquet"):
            formats.reader(Path("a.txt"), None)
        with self.assertRaisesRegex(InputError, "a.parquet: .*--output-type, one of csv, json"):
            formats.writer(Path("a.parquet"), None)


if __name__ == "__main__":
    absltest.main()
