"""The `mlflow` backend of NVIDIA Triton: serves what `mlflow.pyfunc.load_model` can load.

`metadata` and `schema` need PyYAML only; the tool that writes `config.pbtxt` and the throw-away process that
completes a model's configuration use them too. MLflow itself is imported when a model instance is initialized.
"""
