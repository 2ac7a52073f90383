"""For WORKSPACE users: what MODULE.bazel declares, as macros.

```starlark
load("@mlflow_backend//:repositories.bzl", "mlflow_backend_dependencies", "mlflow_backend_repositories")

mlflow_backend_dependencies()

mlflow_backend_repositories()
```
"""

load(
    "//third_party:workspace.bzl",
    _mlflow_backend_dependencies = "mlflow_backend_dependencies",
    _mlflow_backend_repositories = "mlflow_backend_repositories",
)
load("//third_party/models:repository.bzl", _model_set = "model_set")
load("//third_party/wheels:repository.bzl", _lock_set = "lock_set")

mlflow_backend_dependencies = _mlflow_backend_dependencies
mlflow_backend_repositories = _mlflow_backend_repositories
mlflow_models = _model_set
requirements_lock = _lock_set
