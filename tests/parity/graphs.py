"""ONNX models: graphs made by hand, and scikit-learn's pipelines as skl2onnx converts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mlflow
import numpy as np
import onnx
import pandas as pd
import skl2onnx
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema, TensorSpec
from onnx import TensorProto, helper
from saving import Save
from skl2onnx.common.data_types import FloatTensorType
from sklearn import datasets, linear_model, pipeline, preprocessing

_TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "str": TensorProto.STRING,
}
# What onnxruntime knows, whatever onnx has made up since.
_OPSET, _IR_VERSION = 20, 10

# Name to NumPy type and shape, -1 for rows.
_Tensors = Mapping[str, tuple[str, Sequence[int]]]


def _graph(nodes: list[onnx.NodeProto], inputs: _Tensors, outputs: _Tensors, **constants: np.ndarray) -> Any:
    def values(tensors: _Tensors) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, _TYPES[dtype], [None if axis == -1 else axis for axis in shape])
            for name, (dtype, shape) in tensors.items()
        ]

    weights = [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "graph", values(inputs), values(outputs), weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    return model


def _schema(tensors: _Tensors) -> Schema:
    return Schema([TensorSpec(np.dtype(dtype), tuple(shape), name) for name, (dtype, shape) in tensors.items()])


def _saved(model: Any, signature: ModelSignature, example: Any) -> Save:
    return lambda folder, requirements: mlflow.onnx.save_model(
        model, folder, signature=signature, input_example=example, pip_requirements=requirements
    )


def _handmade() -> Iterator[tuple[str, Save]]:
    node = helper.make_node
    chance = np.random.default_rng(0)
    weights = chance.normal(size=(4, 3)).astype(np.float32)
    pixels = chance.normal(size=(2, 4)).astype(np.float32)
    x: _Tensors = {"x": ("float32", (-1, 4))}

    scores: _Tensors = {"scores": ("float32", (-1, 3))}
    dense = _graph([node("MatMul", ["x", "w"], ["scores"])], x, scores, w=weights)
    yield "onnx_one_tensor", _saved(dense, ModelSignature(_schema(x), _schema(scores)), {"x": pixels})
    unnamed = Schema([TensorSpec(np.dtype("float32"), (-1, 4))])
    yield "onnx_unnamed_input", _saved(dense, ModelSignature(unnamed, _schema(scores)), pixels)
    yield "onnx_outputs_inferred", _saved(dense, ModelSignature(_schema(x)), {"x": pixels})

    several: _Tensors = {"label": ("int64", (-1,)), "probabilities": ("float32", (-1, 3))}
    classify = [
        node("MatMul", ["x", "w"], ["scores"]),
        node("Softmax", ["scores"], ["probabilities"], axis=1),
        node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    classifier = _graph(classify, x, several, w=weights)
    yield "onnx_several_outputs", _saved(classifier, ModelSignature(_schema(x), _schema(several)), {"x": pixels})

    pair: _Tensors = {"a": ("float64", (-1, 2)), "b": ("int64", (-1, 2))}
    total: _Tensors = {"sum": ("float64", (-1, 2))}
    add = [node("Cast", ["b"], ["c"], to=TensorProto.DOUBLE), node("Add", ["a", "c"], ["sum"])]
    numbers = {"a": chance.normal(size=(2, 2)), "b": np.array([[1, 2], [3, 2**40]])}
    yield "onnx_two_inputs", _saved(_graph(add, pair, total), ModelSignature(_schema(pair), _schema(total)), numbers)

    words: _Tensors = {"words": ("str", (-1, 2))}
    loud: _Tensors = {"loud": ("str", (-1, 2))}
    shout = _graph([node("StringConcat", ["words", "mark"], ["loud"])], words, loud, mark=np.array(["!"], object))
    texts = np.array([["a", "äö"], ["", "日本"]])
    yield "onnx_texts", _saved(shout, ModelSignature(_schema(words), _schema(loud)), {"words": texts})

    columns = Schema([ColSpec("float", name) for name in "abcd"])
    frame = pd.DataFrame(pixels, columns=list("abcd"))
    sums: _Tensors = {"sum": ("float32", (-1,))}
    summed = _graph([node("ReduceSum", ["x", "axes"], ["sum"], keepdims=0)], x, sums, axes=np.array([1]))
    yield "onnx_columns", _saved(summed, ModelSignature(columns, Schema([ColSpec("float", "sum")])), frame)


def _converted() -> Iterator[tuple[str, Save]]:
    wine = datasets.load_wine()
    data = wine.data.astype(np.float32)
    fitted = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression(max_iter=1000))
    model = skl2onnx.convert_sklearn(
        fitted.fit(data, wine.target),
        name="wine",
        initial_types=[("x", FloatTensorType([None, data.shape[1]]))],
        options={"zipmap": False},
        target_opset=_OPSET,
    )
    model.ir_version = _IR_VERSION
    inputs = _schema({"x": ("float32", (-1, data.shape[1]))})
    outputs = _schema({"label": ("int64", (-1,)), "probabilities": ("float32", (-1, 3))})
    yield "onnx_from_sklearn", _saved(model, ModelSignature(inputs, outputs), {"x": data[:3]})


def all_graphs() -> dict[str, Save]:
    """What saves a model in a folder, by the model's name."""
    return dict([*_handmade(), *_converted()])
