"""A model from code, which is many: what `predict` does is what the model's own configuration says."""

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel


def _totals(frame, params):
    return frame.select_dtypes("number").sum(axis=1)


def _scaled(frame, params):
    return frame.iloc[:, 0] * params["factor"] + sum(params["offsets"])


def _described(frame, params):
    """One document a row, which says the types that the model sees."""
    return [
        {"number": int(number), "types": [type(cell).__name__ for cell in row]}
        for number, row in enumerate(frame.itertuples(index=False))
    ]


BEHAVIOURS = {
    "echo": lambda data, params: data,
    "as_dict": lambda frame, params: {name: frame[name].to_numpy() for name in frame.columns},
    "as_records": lambda frame, params: frame.to_dict("records"),
    "as_list": lambda frame, params: frame.iloc[:, 0].tolist(),
    "as_matrix": lambda frame, params: frame.to_numpy(),
    "as_series": lambda frame, params: frame.iloc[:, 0],
    "as_tuple": lambda frame, params: tuple(frame[name].tolist() for name in frame.columns),
    "columns_reversed": lambda frame, params: frame[frame.columns[::-1]],
    "index_kept": lambda frame, params: frame.set_index(pd.Index(range(100, 100 + len(frame)))),
    "nullable": lambda frame, params: frame.convert_dtypes(),
    "categories": lambda frame, params: frame.astype("category"),
    "lengths": lambda frame, params: frame.iloc[:, 0].str.len().astype("int64"),
    "joined": lambda frame, params: frame.astype(str).agg("|".join, axis=1),
    "totals": _totals,
    "scaled": _scaled,
    "shown": lambda frame, params: [repr(sorted(params.items()))] * len(frame),
    "described": _described,
    "reciprocal": lambda frame, params: 1 / frame.iloc[:, 0],
    "is_missing": lambda frame, params: frame.isna(),
    "row_sums": lambda array, params: array.reshape(len(array), -1).sum(axis=1),
    "row_norms": lambda array, params: np.sqrt((array.astype(np.float64) ** 2).reshape(len(array), -1).sum(axis=1)),
    "transposed": lambda array, params: np.ascontiguousarray(array.swapaxes(1, 2)),
    "halves": lambda tensors, params: dict(zip(("low", "high"), np.split(tensors["whole"], 2, axis=1), strict=True)),
    "product": lambda tensors, params: {"out": tensors["a"] * tensors["b"]},
    "refuses": lambda frame, params: (_ for _ in ()).throw(ValueError("the model takes no such thing")),
    "upper": lambda frame, params: [text.upper() for text in frame.iloc[:, 0]],
}


class Behaviour(PythonModel):
    def predict(self, context, model_input, params=None):
        return BEHAVIOURS[context.model_config["behaviour"]](model_input, params)


mlflow.models.set_model(Behaviour())
