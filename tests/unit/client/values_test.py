"""From a caller's data to tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from absl.testing import absltest, parameterized

from mlflow_backend.client import ClientError, InputError, values
from tests.unit.client.interfaces import column, interface, tensor

_TWO = interface(column("double", "x"), column("string", "note", required=False))
_PAIR = interface(column("double", "a"), column("string", "b"))
_IMAGE = interface(tensor("float32", -1, 2))
_DOCUMENT = interface(column("object", "doc", properties={"a": {"type": "long"}}))
_ANY = interface(column("any"))
_CHAT = interface(column("double", "a"), column("string", "b"), loader="mlflow.pyfunc.loaders.chat_agent")


def _plain(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: array.tolist() for name, array in tensors.items()}


class EncodeTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("frame", pd.DataFrame({"note": ["ä"], "x": [1]})),
        ("frame_with_more", pd.DataFrame({"note": ["ä"], "other": [0], "x": [1]})),
        ("dict", {"x": [1.0], "note": ["ä"]}),
        ("dict_of_values", {"x": 1.0, "note": "ä"}),
        ("dict_of_arrays", {"x": np.array([1.0]), "note": np.array(["ä"])}),
        ("records", [{"x": 1.0, "note": "ä"}]),
        ("rows", [[1.0, "ä"]]),
        ("array", np.array([[1.0, "ä"]], object)),
    )
    def test_forms_of_the_same(self, data: Any) -> None:
        self.assertEqual(_plain(values.encode(data, _TWO)), {"x": [[1.0]], "note": [["ä".encode()]]})

    @parameterized.named_parameters(
        ("frame", pd.DataFrame({"x": [1.0, 2.0]})),
        ("dict", {"x": [1.0, 2.0]}),
        ("records", [{"x": 1.0}, {"x": 2.0}]),
    )
    def test_optional_columns_may_be_left_out(self, data: Any) -> None:
        self.assertEqual(_plain(values.encode(data, _TWO)), {"x": [[1.0], [2.0]]})

    @parameterized.named_parameters(
        ("list", [1.0, 2.0]),
        ("array", np.array([1.0, 2.0])),
        ("column", np.array([[1.0], [2.0]])),
        ("series", pd.Series([1.0, 2.0])),
        ("nullable_series", pd.Series([1, 2], dtype="Int64")),
        ("dict", {"x": [1.0, 2.0]}),
        ("frame", pd.DataFrame({"x": [1.0, 2.0]})),
    )
    def test_one_column(self, data: Any) -> None:
        self.assertEqual(_plain(values.encode(data, interface(column("double", "x")))), {"x": [[1.0], [2.0]]})
        unbatched = interface(column("double", "x"), batched=False)
        self.assertEqual(_plain(values.encode(data, unbatched)), {"x": [1.0, 2.0]})

    @parameterized.named_parameters(
        ("array", np.ones((1, 2))), ("list", [[1.0, 1.0]]), ("frame", pd.DataFrame([[1.0, 1.0]]))
    )
    def test_tensor(self, data: Any) -> None:
        (array,) = values.encode(data, _IMAGE).values()
        self.assertEqual((array.dtype, array.tolist()), (np.float32, [[1.0, 1.0]]))

    def test_documents(self) -> None:
        self.assertEqual(_plain(values.encode([{"doc": {"a": 1}}], _DOCUMENT)), {"doc": [[b'{"a": 1}']]})
        self.assertEqual(_plain(values.encode({"doc": [{"a": 1}]}, _DOCUMENT)), {"doc": [[b'{"a": 1}']]})
        # The document itself is the one value.
        self.assertEqual(_plain(values.encode({"a": 1}, _ANY)), {"input-0": [[b'{"a": 1}']]})

    def test_no_rows(self) -> None:
        tensors = values.encode(pd.DataFrame({"a": [], "b": []}), _PAIR)
        self.assertEqual({name: array.shape for name, array in tensors.items()}, {"a": (0, 1), "b": (0, 1)})
        self.assertEqual(
            {name: array.shape for name, array in values.encode([], _PAIR).items()}, {"a": (0, 1), "b": (0, 1)}
        )

    @parameterized.named_parameters(
        ("missing", _PAIR, pd.DataFrame({"a": [1.0]}), r"input 'b' is missing; the data has \['a'\]\."),
        ("misspelt", _PAIR, {"a": [1.0], "bb": ["x"]}, r"input 'b' is missing; the data has \['a', 'bb'\]\."),
        ("missing_in_a_row", _PAIR, [{"a": 1.0, "b": "x"}, {"a": 1.0}], "input 'b' is missing in a row of the data"),
        ("uneven", _PAIR, [[1.0, "x"], [1.0]], "the data has a row of 1 values, but the model has 2 inputs."),
        (
            "wide",
            _PAIR,
            np.ones((1, 3)),
            r"the data has ndarray of shape \[1, 3\], which does not fit the model's inputs",
        ),
        ("text", _PAIR, {"a": ["x"], "b": ["x"]}, "input 'a' .double.: "),
        ("null", _PAIR, {"a": [1.0], "b": [None]}, "input 'b' .string.: row 0 is missing"),
        ("shape", _IMAGE, np.ones((1, 3)), r"input 'input-0' .tensor float32 .*: the data has shape \[1, 3\]"),
    )
    def test_what_does_not_fit(self, model: Any, data: Any, text: str) -> None:
        with self.assertRaisesRegex(InputError, text) as caught:
            values.encode(data, model)
        self.assertNotIn("output", str(caught.exception).replace("signature's outputs", ""))


class EncodeNamedTest(parameterized.TestCase):
    def test_params_are_sent_once_a_row(self) -> None:
        model = interface(column("double", "x"), params=[column("long", "k"), column("double", "list", shape=[-1])])
        tensors = values.encode_named({"x": [1.0, 2.0], "k": 3, "list": [0.5, 1.5]}, model)
        self.assertEqual(_plain(tensors), {"x": [[1.0], [2.0]], "k": [[3], [3]], "list": [[0.5, 1.5]] * 2})

    def test_params_of_unbatched_models(self) -> None:
        model = interface(column("double", "x"), params=[column("long", "k")], batched=False)
        self.assertEqual(_plain(values.encode_named({"x": [1.0], "k": 3}, model)), {"x": [1.0], "k": [3]})

    def test_one_value_is_one_row(self) -> None:
        self.assertEqual(_plain(values.encode_named({"a": 1.0, "b": "text"}, _PAIR)), {"a": [[1.0]], "b": [[b"text"]]})
        self.assertEqual(_plain(values.encode_named({"doc": {"a": 2}}, _DOCUMENT)), {"doc": [[b'{"a": 2}']]})

    @parameterized.parameters(
        ({"a": 1.0}, "input 'b' is missing; the model requires it."),
        ({"a": 1.0, "b": "x", "c": 1}, "input 'c' is unknown; the model's inputs are 'a', 'b'."),
        ({"a": "text", "b": "x"}, "input 'a' .double.: "),
    )
    def test_what_does_not_fit(self, given: dict[str, Any], text: str) -> None:
        with self.assertRaisesRegex(InputError, text):
            values.encode_named(given, _PAIR)

    def test_a_parameter_that_does_not_fit(self) -> None:
        model = interface(column("double", "x"), params=[column("long", "k")])
        with self.assertRaisesRegex(InputError, "parameter 'k' .long.: "):
            values.encode_named({"x": [1.0], "k": "many"}, model)

    def test_params_as_text(self) -> None:
        self.assertEqual(
            values.params_text({"a": np.float32(0.5), "b": [np.int64(1)], "c": "ä"}), '{"a": 0.5, "b": [1], "c": "ä"}'
        )
        with self.assertRaisesRegex(InputError, "the params cannot be sent: a value of type object has no JSON form"):
            values.params_text({"a": object()})


class DecodeTest(absltest.TestCase):
    def test_named_columns_are_a_frame(self) -> None:
        frame = values.decode({"a": np.array([[1.0]]), "b": np.array([["ä".encode()]], object)}, _PAIR)
        pd.testing.assert_frame_equal(frame, pd.DataFrame({"a": [1.0], "b": np.array(["ä"], object)}))

    def test_a_nameless_column_is_an_array(self) -> None:
        model = interface(column("double", "x"), outputs=[column("double")])
        self.assertEqual(values.decode({"output-0": np.array([[1.0], [2.0]])}, model).tolist(), [1.0, 2.0])

    def test_tensors(self) -> None:
        one = interface(column("double", "x"), outputs=[tensor("float32", -1, 2)])
        self.assertEqual(values.decode({"output-0": np.ones((1, 2), np.float32)}, one).tolist(), [[1.0, 1.0]])
        named = interface(column("double", "x"), outputs=[tensor("int64", -1, name="y"), tensor("int64", -1, name="z")])
        found = values.decode({"y": np.array([[1]]), "z": np.array([[2]])}, named)
        self.assertEqual(_plain(found), {"y": [1], "z": [2]})

    def test_a_piece_need_not_have_every_output(self) -> None:
        self.assertEqual(list(values.decode({"a": np.array([[1.0]])}, _PAIR).columns), ["a"])

    def test_what_does_not_fit(self) -> None:
        with self.assertRaisesRegex(ClientError, "output 'doc' .object.: row 0 is not valid JSON"):
            values.decode({"doc": np.array([[b"{"]], object)}, _DOCUMENT)

    def test_form(self) -> None:
        told = np.array([[b'"tuple"']], object)
        self.assertEqual(values.form_of({"mlflow_answer_form": told}, _PAIR), "tuple")
        self.assertEqual(values.form_of({}, _PAIR), {"frame": ["a", "b"]})
        # A chat interface answers with one document; what it did not say is not there.
        tensors = {"a": np.array([[1.0]])}
        self.assertEqual(values.form_of(tensors, _CHAT), {"dict": {"a": "value"}})
        self.assertEqual(values.form_of({**tensors, "mlflow_answer_form": told}, _CHAT), "tuple")


if __name__ == "__main__":
    absltest.main()
