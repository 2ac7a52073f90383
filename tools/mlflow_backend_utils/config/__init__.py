"""Writing `config.pbtxt` from an MLflow model's signature."""
