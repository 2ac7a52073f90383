"""Module extensions: tags in MODULE.bazel files to repositories."""

load("//third_party/buildifier:repository.bzl", "buildifier_tool")
load("//third_party/farm:repository.bzl", "farm_repository")
load("//third_party/headers:repository.bzl", "wheel_headers")
load("//third_party/models:repository.bzl", "model_set")
load("//third_party/python:repository.bzl", "python_toolchain", "uv_tool")
load("//third_party/qemu:repository.bzl", "qemu_repository")
load("//third_party/sanitizers:repository.bzl", "sanitizer_runtimes")
load("//third_party/triton:repository.bzl", "triton_server")
load("//third_party/wheels:repository.bzl", "lock_set", "pinned_wheel", "repository_suffix")
load("//third_party/zig:repository.bzl", "zig_sdk")

def _first_by_name(mctx, tag, key):
    """Tags of all modules by `key`; the root module comes first, so it wins."""
    found = {}
    for module in mctx.modules:
        for item in getattr(module.tags, tag):
            found.setdefault(key(item), item)
    return found

def _zig_impl(mctx):
    tags = _first_by_name(mctx, "toolchain", lambda _tag: "zig_sdk")
    for name, tag in tags.items():
        zig_sdk(name = name, glibc = tag.glibc)

zig = module_extension(
    implementation = _zig_impl,
    doc = "The C++ toolchain: repository `zig_sdk`.",
    tag_classes = {
        "toolchain": tag_class(attrs = {
            "glibc": attr.string(default = "2.28", doc = "Oldest glibc that what is built must run on."),
        }),
    },
)

def declare_headers():
    """Declares `@pybind11` and `@boost`."""
    wheel_headers(
        name = "pybind11",
        include = "pybind11/include",
        package = "pybind11",
    )
    wheel_headers(
        name = "boost",
        include = "cmeel.prefix/include",
        package = "cmeel-boost",
    )

def _headers_impl(_mctx):
    declare_headers()

headers = module_extension(
    implementation = _headers_impl,
    doc = "Header-only C++ libraries: repositories `pybind11` and `boost`.",
)

def declare_python_tools():
    """Declares `@uv` (finds interpreters) and `@conda_pack` (whose scripts environments carry)."""
    uv_tool(name = "uv")
    pinned_wheel(
        name = "conda_pack",
        package = "conda-pack",
    )

def _python_impl(mctx):
    declare_python_tools()
    for version, tag in _first_by_name(mctx, "toolchain", lambda tag: tag.version).items():
        python_toolchain(
            name = "python_" + repository_suffix(version),
            prefix = tag.prefix,
            uv = "@uv//:uv",
            version = version,
        )

python = module_extension(
    implementation = _python_impl,
    doc = "CPython runtimes: repository `python_X_Y` for each `python.toolchain(version = \"X.Y\")`.",
    tag_classes = {
        "toolchain": tag_class(attrs = {
            "prefix": attr.string(doc = "Prefix of an installed CPython to copy; empty: fetched, or found on the machine."),
            "version": attr.string(mandatory = True, doc = "Minor version, e.g. `3.11`."),
        }),
    },
)

def _requirements_impl(mctx):
    for name, tag in _first_by_name(mctx, "lock", lambda tag: tag.name).items():
        lock_set(
            name = name,
            locks = {version: lock for lock, version in tag.locks.items()},
            optional = tag.optional,
            platform = tag.platform,
        )

requirements = module_extension(
    implementation = _requirements_impl,
    doc = "Wheels of hashed locks: repository `NAME` with `//:wheels`, `//:lock` and `//:site_packages`.",
    tag_classes = {
        "lock": tag_class(attrs = {
            "locks": attr.label_keyed_string_dict(
                mandatory = True,
                doc = "Lock file (`uv pip compile --generate-hashes`) to the minor Python version it is for.",
            ),
            "name": attr.string(mandatory = True, doc = "Name of the repository."),
            "optional": attr.bool(doc = "A wheel that pip finds nowhere is an error for those who use the set, and for nobody else: " +
                                        "`REASONS` in `//:status.bzl` of the repository tells why, by Python version."),
            "platform": attr.string(default = "manylinux_2_28_x86_64", doc = "Newest manylinux tag of the target."),
        }),
    },
)

def _mlflow_impl(mctx):
    model_set(
        name = "models",
        models = _first_by_name(mctx, "model", lambda tag: tag.name),
    )

mlflow = module_extension(
    implementation = _mlflow_impl,
    doc = """MLflow models by URI: targets `@models//:NAME`, for what takes an `mlflow_model`.

```starlark
mlflow = use_extension("@mlflow_backend//:extensions.bzl", "mlflow")
mlflow.model(
    name = "churn",
    sha256 = "…",  # leave it out once: fetching then tells it
    uri = "s3://bucket/models/churn",
)
use_repo(mlflow, "models")
```

Local paths and HTTP archives are fetched by the `python3` of PATH alone. Other URIs need MLflow or boto3:
`MLFLOW_BACKEND_MODELS_PYTHON` names a Python that has them. The digest is that of `mlflow-backend-utils models import`.""",
    tag_classes = {
        "model": tag_class(attrs = {
            "name": attr.string(mandatory = True, doc = "Name of the target in `@models`."),
            "sha256": attr.string(doc = "Digest of the model's tree. Without it fetching fails, and tells it."),
            "uri": attr.string(
                mandatory = True,
                doc = "What `mlflow-backend-utils models import` takes; a relative path is meant from the root module's folder.",
            ),
        }),
    },
)

def _triton_impl(mctx):
    for version, tag in _first_by_name(mctx, "server", lambda tag: tag.version).items():
        triton_server(
            name = "triton_" + repository_suffix(version),
            version = tag.version,
        )

triton = module_extension(
    implementation = _triton_impl,
    doc = "Real Triton servers for tests and `serve`: repository `triton_YY_MM`.",
    tag_classes = {
        "server": tag_class(attrs = {
            "version": attr.string(mandatory = True, doc = "Release, e.g. `24.10`."),
        }),
    },
)

def _development_impl(_mctx):
    buildifier_tool(name = "buildifier")
    farm_repository(name = "farm")
    qemu_repository(name = "qemu")
    sanitizer_runtimes(name = "sanitizers")

development = module_extension(
    implementation = _development_impl,
    doc = "What only this workspace's own tests need.",
)
