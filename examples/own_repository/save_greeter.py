"""Save a model that greets, as MLflow's "pyfunc" flavor.

usage: save_greeter --output FOLDER
"""

import argparse
from importlib import metadata

import mlflow
import pandas
from mlflow.models import infer_signature


class Greeter(mlflow.pyfunc.PythonModel):
    """One greeting for each name."""

    def predict(self, context, model_input, params=None):  # noqa: ANN001, ANN201
        return pandas.DataFrame({"greeting": "Hello, " + model_input["name"] + "!"})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", required=True)
    names = pandas.DataFrame({"name": ["Ada", "Grace"]})
    mlflow.pyfunc.save_model(
        parser.parse_args().output,
        python_model=Greeter(),
        signature=infer_signature(names, Greeter().predict(None, names)),
        input_example=names,
        pip_requirements=[f"{name}=={metadata.version(name)}" for name in ("mlflow-skinny", "pandas")],
    )


if __name__ == "__main__":
    main()
