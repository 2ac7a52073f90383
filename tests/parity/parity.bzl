"""Suites of models that are saved by the environment that serves them, and answer as MLflow does in it."""

load("//:defs.bzl", "conda_pack_env", "triton_python_stub")
load("//config:versions.bzl", "DEFAULT_PYTHON_VERSION", "DEFAULT_TRITON_VERSION")
load("//rules:providers.bzl", "CondaPackEnvInfo")
load("//rules:py.bzl", "settled_py_test")
load("//rules:transitions.bzl", "ALLOWLIST_ATTR", "python_transition", "tool_transition")

_ENV = {
    "LC_ALL": "C.UTF-8",
    # Sets and dicts of strings must iterate alike in every run, or pickles differ.
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "315532800",
}

def _saved_models_impl(ctx):
    saved = ctx.actions.declare_directory(ctx.label.name + ".saved")
    environment = ctx.attr.environment[CondaPackEnvInfo].directory
    args = ctx.actions.args()
    roots = {file.dirname: None for file in [ctx.file.program, ctx.file._saving] + ctx.files.srcs}.keys()

    # Not -I, which ignores PYTHONHASHSEED.
    args.add_all(["-B", "-s", ctx.file._bootstrap, ".", ctx.file.program, len(roots)])
    args.add_all(roots)
    args.add_all(["--output", saved.path])
    args.add_all(ctx.attr.models, before_each = "--model")
    ctx.actions.run(
        # What saves a model must have the packages that load it.
        executable = environment.path + "/bin/python3",
        arguments = [args],
        inputs = [environment, ctx.file._bootstrap, ctx.file._saving, ctx.file.program] + ctx.files.srcs,
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
trap 'rm -rf "$work" "$work.log"' EXIT
cp -RL "$3" "$work"
# What MLflow advises does not matter here.
"$1/bin/python3" -B -I "$2" --models "$work" --many "$5" --out "$4" >"$work.log" 2>&1 || {
    cat "$work.log" >&2
    exit 1
}
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
        OutputGroupInfo(
            environment = depset([environment]),
            expected = depset([expected]),
        ),
    ]

saved_models = rule(
    implementation = _saved_models_impl,
    doc = "A folder with a folder for each model, as `program` saves them; see saving.py. Output group `expected`: what MLflow " +
          "answers to variants of their input examples; see expected.py. Output group `environment`: the environment, unpacked.",
    cfg = python_transition,
    attrs = ALLOWLIST_ATTR | {
        "env": attr.string_dict(doc = "Environment variables of the program."),
        "environment": attr.label(mandatory = True, providers = [CondaPackEnvInfo], doc = "Runs the program."),
        "many": attr.int(default = 10000, doc = "Rows of the variant that has many; 0: there is none."),
        "models": attr.string_list(doc = "Names of the models to save; all that the program knows, if empty."),
        "python_version": attr.string(doc = "Minor version of CPython, which the environment is of, too."),
        "program": attr.label(mandatory = True, allow_single_file = [".py"], doc = "Calls `saving.main`."),
        "srcs": attr.label_list(allow_files = [".py"], doc = "What the program imports; their folders are on its path."),
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
        "_saving": attr.label(default = "//tests/parity:saving.py", allow_single_file = True),
    },
)

def parity_test(
        name,
        program,
        srcs,
        at_least,
        requirements = None,
        environment = None,
        exclude = [],
        models = [],
        many = 10000,
        python_version = DEFAULT_PYTHON_VERSION,
        triton_version = DEFAULT_TRITON_VERSION,
        env = {},
        server_env = {},
        instance_kind = "",
        volatile = [],
        left_out = {},
        **kwargs):
    """Models of one environment on a real server; see parity_test.py.

    Args:
      name: name of the test; its models are `NAME_models`.
      program: saves the models; see saving.py.
      srcs: what it imports.
      at_least: so many models there are; a suite that lost its models would pass.
      requirements: repository of the lock set of the environment.
      environment: a `conda_pack_env` instead, without a Python of its own.
      exclude: patterns of paths that the environment made of `requirements` leaves out.
      models: names of the models; all that `program` knows, if empty.
      many: rows of the request that has many; 0: there is none, because the models are slow.
      python_version: minor version of CPython.
      triton_version: release of the server.
      env: environment variables of `program`, and of MLflow when it is asked what the models answer.
      server_env: environment variables of the server.
      instance_kind: that of the instance group, as `KIND_CPU`; empty: the configuration has none.
      volatile: outputs, as MODEL.OUTPUT, that MLflow fills anew for each answer; of these only the types are compared.
      left_out: models that cannot be, and why.
      **kwargs: attributes of the test.
    """
    if requirements:
        environment = name + "_env"
        conda_pack_env(
            name = environment,
            testonly = True,
            exclude = ["*/tests/*"] + exclude,
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
        python_version = python_version,
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
        srcs = [name + "_models"],
        output_group = "environment",
        tags = ["manual"],
    )
    triton_python_stub(
        name = name + "_stub",
        testonly = True,
        python_version = python_version,
        tags = ["manual"],
        # One stub serves all releases.
        triton_version = DEFAULT_TRITON_VERSION,
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
            "INSTANCE_KIND": instance_kind,
            "LEFT_OUT": json.encode(left_out),
            "VOLATILE": ",".join(volatile),
            "ENVIRONMENT": "$(rlocationpath {}_environment)".format(name),
            "EXPECTED": "$(rlocationpath {}_expected)".format(name),
            "MODELS": "$(rlocationpath {}_models)".format(name),
            "STUB": "$(rlocationpath {}_stub)".format(name),
            "TRITONSERVER": "$(rlocationpath {}tritonserver)".format(server),
        } | server_env,
        main = "//tests/parity:parity_test.py",
        deps = [
            "//tests/runfiles",
            "//third_party/requirements:tools",
            "//tools/mlflow_backend_utils/repository",
            "//tools/mlflow_backend_utils/server",
        ],
        **kwargs
    )
