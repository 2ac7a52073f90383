"""Real MLflow models through the whole backend, without a server: decode, predict, encode."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
from absl.testing import absltest, parameterized
from mlflow.models import ModelSignature
from mlflow.types.schema import Array as ArrayType
from mlflow.types.schema import ColSpec, Map, Object, ParamSchema, ParamSpec, Property, Schema, TensorSpec

from mlflow_backend import service
from mlflow_backend.errors import BackendError, SchemaError
from tests.unit.backend import models


def _signature(inputs: list[Any], outputs: list[Any], params: list[Any] | None = None) -> ModelSignature:
    return ModelSignature(Schema(inputs), Schema(outputs), ParamSchema(params) if params else None)


class ServiceTest(parameterized.TestCase):
    def _load(self, function: Any, signature: ModelSignature, max_batch_size: int = 8) -> service.Service:
        folder = Path(self.create_tempdir().full_path) / "model"
        return service.Service.load(models.save(folder, function, signature), {"max_batch_size": max_batch_size})

    def _ok(self, result: Any) -> dict[str, Any]:
        self.assertIsInstance(result, dict, result)
        return result  # type: ignore[no-any-return]

    @parameterized.parameters(
        ("boolean", np.array([True, False])),
        ("integer", np.array([-(2**31), 7], np.int32)),
        ("long", np.array([2**62, -1])),
        ("float", np.array([0.1, np.nan], np.float32)),
        ("double", np.array([0.1, np.nan])),
        ("string", models.texts("grün", "")),
        ("binary", models.texts(b"\xff\x00", b"")),
        ("datetime", models.texts("2020-01-02T03:04:05.000000006", "NaT")),
    )
    def test_column_of_each_type_comes_back_as_it_was(self, kind: str, column: Any) -> None:
        echo = self._load(lambda frame, params: frame, _signature([ColSpec(kind, "x")], [ColSpec(kind, "x")]))
        for given in (column, column.reshape(-1, 1)):
            output = self._ok(models.answer(echo, x=given))["x"]
            self.assertEqual(output.shape, (2, 1))
            self.assertEqual(output.dtype, column.dtype)
            np.testing.assert_array_equal(output.ravel(), column)

    @parameterized.parameters(
        (lambda frame, params: {"x": frame["x"]},),
        (lambda frame, params: frame[["x"]],),
        (lambda frame, params: [{"x": value} for value in frame["x"]],),
    )
    def test_optional_outputs_may_be_missing(self, function: Any) -> None:
        outputs = [ColSpec("long", "x"), ColSpec("string", "note", required=False)]
        model = self._load(function, _signature([ColSpec("long", "x")], outputs))
        self.assertEqual(list(self._ok(models.answer(model, x=np.array([1, 2])))), ["x"])

    @parameterized.parameters(
        (ArrayType("double"), ["[1, 2.5]", "[]"]),
        (ArrayType("float"), ["[0.5, 2]"]),
        (ArrayType("integer"), ["[1, 2]"]),
        (ArrayType("string"), ['["a", "ü"]']),
        (ArrayType(ArrayType("long")), ["[[1], [2, 3]]"]),
        (
            Object([Property("a", "integer"), Property("b", ArrayType("float"), required=False)]),
            ['{"a": 1}', '{"a": 2, "b": [1]}'],
        ),
        (Map("double"), ['{"k": 1}']),
    )
    def test_nested_types_travel_as_json(self, kind: Any, documents: list[str]) -> None:
        echo = self._load(lambda frame, params: frame, _signature([ColSpec(kind, "x")], [ColSpec(kind, "x")]))
        output = self._ok(models.answer(echo, x=models.texts(*documents)))["x"]
        self.assertEqual([json.loads(cell) for cell in output.ravel()], [json.loads(text) for text in documents])

    def test_model_sees_what_pandas_users_write(self) -> None:
        types = self._load(
            lambda frame, params: [json.dumps([str(dtype) for dtype in frame.dtypes])] * len(frame),
            _signature([ColSpec("string", "s"), ColSpec("datetime", "t"), ColSpec("float", "f")], [ColSpec("string")]),
        )
        output = self._ok(
            models.answer(types, s=models.texts("a"), t=models.texts("2020-01-01"), f=np.ones(1, np.float32))
        )
        written = pd.DataFrame({"s": ["a"], "t": [np.datetime64("2020-01-01", "ns")], "f": np.ones(1, np.float32)})
        self.assertEqual(json.loads(output["output-0"][0, 0]), [str(dtype) for dtype in written.dtypes])

    def test_optional_column_may_be_left_out(self) -> None:
        names = self._load(
            lambda frame, params: [",".join(frame.columns)] * len(frame),
            _signature([ColSpec("double", "a"), ColSpec("double", "b", required=False)], [ColSpec("string")]),
        )
        both = self._ok(models.answer(names, a=np.ones(1), b=np.ones(1)))["output-0"]
        one = self._ok(models.answer(names, a=np.ones(2)))["output-0"]
        self.assertEqual([both[0, 0], one[1, 0]], [b"a,b", b"a"])

    def test_unnamed_columns(self) -> None:
        model = self._load(
            lambda frame, params: frame.to_numpy().sum(axis=1),
            _signature([ColSpec("double")] * 2, [TensorSpec(np.dtype("float64"), (-1,))]),
        )
        output = self._ok(models.answer(model, **{"input-0": np.array([1.0, 2.0]), "input-1": np.array([10.0, 20.0])}))
        np.testing.assert_array_equal(output["output-0"], [[11.0], [22.0]])

    def test_named_and_unnamed_tensors(self) -> None:
        for name in (None, "image"):
            spec = TensorSpec(np.dtype("float32"), (-1, 2, 3), name)
            model = self._load(
                lambda data, params: (data["image"] if isinstance(data, dict) else data) * 2,
                _signature([spec], [TensorSpec(np.dtype("float32"), (-1, 2, 3))]),
            )
            image = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
            output = self._ok(models.answer(model, **{name or "input-0": image}))["output-0"]
            np.testing.assert_array_equal(output, image * 2)
            self.assertEqual(output.dtype, np.float32)

    def test_tensor_without_row_axis_is_served_unbatched(self) -> None:
        model = self._load(
            lambda data, params: data.T,
            _signature([TensorSpec(np.dtype("int8"), (2, 3))], [TensorSpec(np.dtype("int8"), (3, 2))]),
            max_batch_size=0,
        )
        matrix = np.arange(6, dtype=np.int8).reshape(2, 3)
        np.testing.assert_array_equal(self._ok(models.answer(model, **{"input-0": matrix}))["output-0"], matrix.T)

    def test_outputs_of_a_frame_go_by_name(self) -> None:
        model = self._load(
            lambda frame, params: pd.DataFrame({"score": frame["x"] / 2, "label": ["l"] * len(frame)}),
            _signature([ColSpec("double", "x")], [ColSpec("string", "label"), ColSpec("double", "score")]),
        )
        output = self._ok(models.answer(model, x=np.array([1.0])))
        self.assertEqual((output["label"][0, 0], output["score"][0, 0]), (b"l", 0.5))

    @parameterized.parameters(
        ({"power": 3}, {}),
        ({"power": "3"}, {}),
        ({"params": '{"power": 3}'}, {}),
        ({}, {"power": np.array([3, 3])}),
        ({"unknown": 1, "power": 3}, {}),
    )
    def test_params_reach_the_model(self, parameters: dict[str, Any], tensors: dict[str, Any]) -> None:
        model = self._load(
            lambda frame, params: frame["x"] ** params["power"],
            _signature([ColSpec("double", "x")], [ColSpec("double")], [ParamSpec("power", "long", 1)]),
        )
        output = self._ok(models.answer(model, parameters, x=np.array([2.0, 3.0]), **tensors))
        np.testing.assert_array_equal(output["output-0"], [[8.0], [27.0]])
        default = self._ok(models.answer(model, x=np.array([2.0])))
        self.assertEqual(default["output-0"][0, 0], 2.0)

    def test_list_param(self) -> None:
        model = self._load(
            lambda frame, params: [sum(params["weights"])] * len(frame),
            _signature([ColSpec("double", "x")], [ColSpec("double")], [ParamSpec("weights", "double", [1.0], (-1,))]),
        )
        for parameters, tensors in (
            ({"weights": "[1, 2.5]"}, {}),
            ({}, {"weights": np.array([[1.0, 2.5], [1.0, 2.5]])}),
        ):
            output = self._ok(models.answer(model, parameters, x=np.ones(2), **tensors))
            self.assertEqual(output["output-0"][0, 0], 3.5)

    def test_binary_as_base64(self) -> None:
        echo = self._load(lambda frame, params: frame, _signature([ColSpec("binary", "x")], [ColSpec("binary", "x")]))
        output = self._ok(models.answer(echo, {"content_type": "base64"}, x=models.texts("/wA=")))
        self.assertEqual(output["x"][0, 0], b"/wA=")

    def test_requests_are_stacked_and_split(self) -> None:
        sizes = self._load(
            lambda frame, params: pd.DataFrame({"n": [len(frame)] * len(frame), "x": frame["x"]}),
            _signature([ColSpec("long", "x")], [ColSpec("long", "n"), ColSpec("long", "x")]),
        )
        batch = [service.Request({"x": np.arange(rows)}, {}) for rows in (2, 1, 3)]
        results = [self._ok(result) for result in models.answer_all(sizes, batch)]
        self.assertEqual([result["x"].ravel().tolist() for result in results], [[0, 1], [0], [0, 1, 2]])
        self.assertEqual([result["n"][0, 0] for result in results], [6, 6, 6])

    def test_poisoned_requests_fail_alone(self) -> None:
        def refuse_nan(frame: pd.DataFrame, params: Any) -> pd.Series:
            if frame["x"].isna().any():
                raise ValueError("Input contains NaN")
            return frame["x"]

        model = self._load(refuse_nan, _signature([ColSpec("double", "x")], [ColSpec("double")]), max_batch_size=64)
        batch = [service.Request({"x": np.array([np.nan if i in (3, 9) else float(i)])}, {}) for i in range(16)]
        batch.append(service.Request({"y": np.array([1.0])}, {}))
        results = models.answer_all(model, batch)
        for position, result in enumerate(results):
            if position in (3, 9, 16):
                self.assertIsInstance(result, BackendError)
                self.assertEqual(result.code, "INVALID_ARG")
            else:
                self.assertEqual(self._ok(result)["output-0"][0, 0], position)
        self.assertIn("predict failed: ValueError: Input contains NaN", str(results[3]))

    @parameterized.named_parameters(
        ("non_utf8", {"s": models.texts(b"\xff"), "d": np.ones(1)}, "input 's' (string): row 0 is not UTF-8"),
        ("dtype", {"s": models.texts("a"), "d": np.array([2**60 + 1])}, "input 'd' (double): 1152921504606846977"),
        ("text_for_number", {"s": models.texts("a"), "d": models.texts("1")}, "input 'd' (double): "),
        ("shape", {"s": models.texts("a"), "d": np.ones((1, 2))}, "input 'd' has shape [1, 2], but the signature says"),
        ("missing", {"s": models.texts("a")}, "input 'd' is missing"),
        ("extra", {"s": models.texts("a"), "d": np.ones(1), "z": np.ones(1)}, "input 'z' is unknown"),
        ("none", {}, "input 's' is missing"),
        ("no_rows", {"s": models.texts(), "d": np.ones(0)}, "input 's' has 0 rows; send at least one"),
        ("rows", {"s": models.texts("a"), "d": np.ones(2)}, "input 'd' has 2 rows and 's' 1"),
    )
    def test_bad_input(self, tensors: dict[str, Any], message: str) -> None:
        model = self._load(
            lambda frame, params: frame["d"],
            _signature([ColSpec("string", "s"), ColSpec("double", "d")], [ColSpec("double")]),
        )
        result = models.answer(model, **tensors)
        self.assertIsInstance(result, BackendError)
        self.assertIn(message, str(result))
        self.assertEqual(result.code, "INVALID_ARG")
        self._ok(models.answer(model, s=models.texts("a"), d=np.ones(1)))

    def test_whole_numbers_are_cast_as_json_would(self) -> None:
        model = self._load(lambda frame, params: frame["d"], _signature([ColSpec("double", "d")], [ColSpec("double")]))
        self.assertEqual(self._ok(models.answer(model, d=np.array([5])))["output-0"][0, 0], 5.0)

    def test_ten_thousand_rows(self) -> None:
        model = self._load(
            lambda frame, params: frame["s"].str.len(),
            _signature([ColSpec("string", "s")], [ColSpec("long")]),
            max_batch_size=0,
        )
        output = self._ok(models.answer(model, s=models.texts(*["abc"] * 10_000)))["output-0"]
        self.assertEqual((output.shape, int(output.sum())), ((10_000,), 30_000))

    @parameterized.named_parameters(
        ("type", lambda frame, params: ["x"] * len(frame), "output 'output-0' (double): "),
        ("missing", lambda frame, params: {"other": 1, "more": 2}, "the model returned dict with keys"),
        ("rows", lambda frame, params: [1.0], "the model returned 1 rows for 2"),
        ("object", lambda frame, params: object(), "output 'output-0' (double): "),
    )
    def test_answers_that_do_not_fit_the_signature(self, function: Any, message: str) -> None:
        model = self._load(function, _signature([ColSpec("double", "d")], [ColSpec("double")]))
        result = models.answer(model, d=np.ones(2))
        self.assertIsInstance(result, BackendError)
        self.assertIn(message, str(result))
        self.assertEqual(result.code, "INTERNAL")

    def test_outputs_from_the_configuration_where_the_signature_has_none(self) -> None:
        folder = Path(self.create_tempdir().full_path) / "model"
        signature = ModelSignature(Schema([ColSpec("double", "d")]))
        models.save(folder, lambda frame, params: frame["d"].astype("int64"), signature)
        with self.assertRaisesRegex(SchemaError, "neither the model's signature nor config.pbtxt names the outputs"):
            service.Service.load(folder, {"max_batch_size": 8})
        output = {"name": "y", "data_type": "TYPE_FP32", "dims": ["1"]}
        model = service.Service.load(folder, {"max_batch_size": 8, "output": [output]})
        answer = self._ok(models.answer(model, d=np.array([2.0])))["y"]
        self.assertEqual((answer.dtype, answer.tolist()), (np.float32, [[2.0]]))

    def test_missing_text_in_an_answer_is_an_error(self) -> None:
        model = self._load(lambda frame, params: [None], _signature([ColSpec("double", "d")], [ColSpec("string")]))
        self.assertIn("row 0 is missing", str(models.answer(model, d=np.ones(1))))

    def test_dates_of_an_answer(self) -> None:
        model = self._load(
            lambda frame, params: [datetime.datetime(2020, 1, 2), pd.NaT],
            _signature([ColSpec("double", "d")], [ColSpec("datetime")]),
        )
        output = self._ok(models.answer(model, d=np.ones(2)))["output-0"]
        self.assertEqual(output.ravel().tolist(), [b"2020-01-02T00:00:00", b"NaT"])

    def test_request_that_cannot_be_read_fails_alone(self) -> None:
        model = self._load(lambda frame, params: frame["d"], _signature([ColSpec("double", "d")], [ColSpec("double")]))

        def read(rows: int) -> service.Request:
            if not rows:
                raise RuntimeError("not on this device")
            return service.Request({"d": np.ones(rows)}, {})

        good, bad = model.answer([1, 0], read)
        self._ok(good)
        self.assertEqual(str(bad), "reading the request failed: RuntimeError: not on this device")

    def test_signature_from_type_hints(self) -> None:
        folder = Path(self.create_tempdir().full_path) / "model"
        mlflow.pyfunc.save_model(folder, python_model=models.Shout(), pip_requirements=["mlflow"])
        model = service.Service.load(folder, {"max_batch_size": 8})
        output = self._ok(models.answer(model, **{"input-0": models.texts("a", "b")}))["output-0"]
        self.assertEqual(output.ravel().tolist(), [b"A", b"B"])

    def test_random_requests_never_raise(self) -> None:
        model = self._load(
            lambda frame, params: frame["d"],
            _signature(
                [
                    ColSpec("double", "d"),
                    ColSpec(ArrayType("float"), "a"),
                    ColSpec("datetime", "t"),
                    ColSpec("binary", "b"),
                ],
                [ColSpec("double")],
                [ParamSpec("k", "long", 1), ParamSpec("l", "double", [1.0], (-1,))],
            ),
        )
        generator = np.random.default_rng(7)
        good = {"d": np.ones(1), "a": models.texts("[1]"), "t": models.texts("2020-01-01"), "b": models.texts("/w==")}
        junk: list[Any] = [
            np.zeros(0),
            np.full((1, 1), np.nan),
            np.zeros((2, 3), np.int8),
            np.array(1.0),
            models.texts(b"\xff"),
            models.texts("[" * 5000),
            models.texts('{"a": 1}'),
            models.texts("[1e999]"),
            models.texts("99999-01-01"),
            models.texts("x" * 100_000),
            np.array([None], dtype=object),
        ]
        values = [True, 2**63, "x", "[", "null", "[1]", '{"k": []}', "base64", 1.5, ""]
        outcomes = set()
        for _ in range(1000):
            tensors = {
                name: junk[generator.integers(len(junk))] if generator.random() < 0.2 else array
                for name, array in good.items()
                if generator.random() < 0.95
            }
            parameters = {
                name: values[generator.integers(len(values))]
                for name in ("k", "l", "params", "content_type")
                if generator.random() < 0.2
            }
            result = models.answer(model, parameters, **tensors)
            outcomes.add(type(result).__name__)
            if not isinstance(result, dict):
                self.assertEqual(result.code, "INVALID_ARG", result)
        self.assertContainsSubset({"dict", "RequestError"}, outcomes)

    def test_nothing_is_written(self) -> None:
        folder = models.save(
            Path(self.create_tempdir().full_path) / "model",
            lambda frame, params: frame["d"],
            _signature([ColSpec("double", "d")], [ColSpec("double")]),
        )
        before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
        # A process of its own, since MLflow decides once where traces go.
        program = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            "from pathlib import Path\n"
            "import numpy as np\n"
            "from mlflow_backend import service\n"
            f"model = service.Service.load(Path({str(folder)!r}), {{'max_batch_size': 8}})\n"
            "request = service.Request({'d': np.ones(1)}, {})\n"
            "print(model.answer([request], lambda request: request)[0]['output-0'].tolist())"
        )
        working_directory = self.create_tempdir().full_path
        environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
        done = subprocess.run(
            [sys.executable, "-I", "-c", program],
            cwd=working_directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.stdout.strip(), "[[1.0]]", done.stderr)
        self.assertEqual(sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")), before)
        self.assertEmpty(os.listdir(working_directory))


if __name__ == "__main__":
    absltest.main()
