"""Suites of models that are saved by the environment that serves them, and answer as MLflow does in it."""

load("//:defs.bzl", "conda_pack_env", "triton_python_stub")
load("//config:versions.bzl", "DEFAULT_PYTHON_VERSION", "DEFAULT_TRITON_VERSION")
load("//rules:providers.bzl", "CondaPackEnvInfo")
load("//rules:py.bzl", "settled_py_test")
load("//rules:transitions.bzl", "ALLOWLIST_ATTR", "tool_transition")

_ENV = {
    "LC_ALL": "C.UTF-8",
    # What MLflow advises does not matter here.
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    # Sets and dicts of strings must iterate alike in every run, or pickles differ.
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "ignore",
    "SOURCE_DATE_EPOCH": "315532800",
}

def _saved_models_impl(ctx):
    saved = ctx.actions.declare_directory(ctx.label.name + ".saved")
    environment = ctx.attr.environment[CondaPackEnvInfo].directory
    args = ctx.actions.args()
    args.add_all(["-B", "-I", ctx.file._bootstrap, ".", ctx.file.program, "1", ctx.file.program.dirname])
    args.add_all(["--output", saved.path])
    args.add_all(ctx.attr.models, before_each = "--model")
    ctx.actions.run(
        # What saves a model must have the packages that load it.
        executable = environment.path + "/bin/python3",
        arguments = [args],
        inputs = [environment, ctx.file._bootstrap, ctx.file.program] + ctx.files.srcs,
        outputs = [saved],
        env = _ENV | ctx.attr.env,
        mnemonic = "SaveModels",
        progress_message = "Saving %{label}",
    )
    folder = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add("--models", saved.path)
    args.add("--out", folder.path)
    ctx.actions.run(
        executable = ctx.executable._normalize,
        arguments = [args],
        inputs = [saved],
        outputs = [folder],
        mnemonic = "NormalizeModels",
        progress_message = "Making %{label} reproducible",
    )
    expected = ctx.actions.declare_directory(ctx.label.name + ".expected")
    ctx.actions.run_shell(
        # A sandbox shows links, and MLflow refuses links that lead out of the model's folder.
        command = """set -eu
work="$4.work"
trap 'rm -rf "$work"' EXIT
cp -RL "$3" "$work"
"$1/bin/python3" -B -I "$2" --models "$work" --many "$5" --out "$4"
""",
        arguments = [environment.path, ctx.file._expected.path, folder.path, expected.path, str(ctx.attr.many)],
        inputs = [environment, ctx.file._expected, folder],
        outputs = [expected],
        env = _ENV | ctx.attr.env,
        mnemonic = "AskMlflow",
        progress_message = "Asking MLflow what %{label} answer",
    )
    return [
        DefaultInfo(files = depset([folder])),
        OutputGroupInfo(expected = depset([expected])),
    ]

saved_models = rule(
    implementation = _saved_models_impl,
    doc = "A folder with a folder for each model, as `program` saves them; see saving.py. Output group `expected`: what MLflow " +
          "answers to variants of their input examples; see expected.py.",
    attrs = ALLOWLIST_ATTR | {
        "env": attr.string_dict(doc = "Environment variables of the program."),
        "environment": attr.label(mandatory = True, providers = [CondaPackEnvInfo], doc = "Runs the program."),
        "many": attr.int(default = 10000, doc = "Rows of the variant that has many; 0: there is none."),
        "models": attr.string_list(doc = "Names of the models to save; all that the program knows, if empty."),
        "program": attr.label(mandatory = True, allow_single_file = [".py"], doc = "Calls `saving.main`."),
        "srcs": attr.label_list(allow_files = [".py"], doc = "What the program imports from beside it."),
        "_bootstrap": attr.label(default = "//rules:bootstrap.py", allow_single_file = True),
        "_expected": attr.label(
            default = "//tools/mlflow_backend_utils/server:expected.py",
            allow_single_file = True,
        ),
        "_normalize": attr.label(
            default = "//tools/mlflow_backend_utils/model:normalize",
            executable = True,
            cfg = tool_transition,
        ),
    },
)

def parity_test(
        name,
        program,
        srcs,
        at_least,
        requirements = None,
        environment = None,
        models = [],
        many = 10000,
        python_version = DEFAULT_PYTHON_VERSION,
        triton_version = DEFAULT_TRITON_VERSION,
        env = {},
        **kwargs):
    """Models of one environment on a real server; see parity_test.py.

    Args:
      name: name of the test; its models are `NAME_models`.
      program: saves the models; see saving.py.
      srcs: what it imports.
      at_least: so many models there are; a suite that lost its models would pass.
      requirements: repository of the lock set of the environment.
      environment: a `conda_pack_env` instead, which is for `python_version`.
      models: names of the models; all that `program` knows, if empty.
      many: rows of the request that has many; 0: there is none, because the models are slow.
      python_version: minor version of CPython.
      triton_version: release of the server.
      env: environment variables of `program`.
      **kwargs: attributes of the test.
    """
    if requirements:
        environment = name + "_env"
        conda_pack_env(
            name = environment,
            testonly = True,
            exclude = ["*/tests/*"],
            python_version = python_version,
            requirements = requirements,
            tags = ["manual"],
        )
    saved_models(
        name = name + "_models",
        testonly = True,
        env = env,
        environment = environment,
        many = many,
        models = models,
        program = program,
        srcs = srcs,
        tags = ["manual"],
    )
    native.filegroup(
        name = name + "_expected",
        testonly = True,
        srcs = [name + "_models"],
        output_group = "expected",
        tags = ["manual"],
    )
    native.filegroup(
        name = name + "_environment",
        testonly = True,
        srcs = [environment],
        output_group = "directory",
        tags = ["manual"],
    )
    triton_python_stub(
        name = name + "_stub",
        testonly = True,
        python_version = python_version,
        tags = ["manual"],
        triton_version = triton_version,
    )
    server = "@triton_{}//:".format(triton_version.replace(".", "_"))
    settled_py_test(
        name = name,
        srcs = ["//tests/parity:parity_test.py"],
        data = [
            name + "_environment",
            name + "_expected",
            name + "_models",
            name + "_stub",
            server + "server",
            server + "tritonserver",
            "//backend:mlflow",
        ],
        env = {
            "AT_LEAST": str(at_least),
            "BACKEND": "$(rlocationpath //backend:mlflow)",
            "ENVIRONMENT": "$(rlocationpath {}_environment)".format(name),
            "EXPECTED": "$(rlocationpath {}_expected)".format(name),
            "MODELS": "$(rlocationpath {}_models)".format(name),
            "STUB": "$(rlocationpath {}_stub)".format(name),
            "TRITONSERVER": "$(rlocationpath {}tritonserver)".format(server),
        },
        main = "//tests/parity:parity_test.py",
        deps = [
            "//third_party/requirements:tools",
            "//tools/mlflow_backend_utils/repository",
            "//tools/mlflow_backend_utils/server",
        ],
        **kwargs
    )
