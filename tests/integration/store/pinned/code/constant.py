"""Loads a model that answers 1, whatever it is asked."""

import pandas


class Constant:
    def predict(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        return pandas.DataFrame({"y": [1] * len(frame)})


def _load_pyfunc(path: str) -> Constant:
    return Constant()
