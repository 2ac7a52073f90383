"""The bzlmod extensions a user may `use_extension`."""

load(
    "//third_party:extensions.bzl",
    _development = "development",
    _headers = "headers",
    _mlflow = "mlflow",
    _python = "python",
    _requirements = "requirements",
    _triton = "triton",
    _zig = "zig",
)

development = _development
headers = _headers
mlflow = _mlflow
python = _python
requirements = _requirements
triton = _triton
zig = _zig
