"""Targets of the conformance suite: every test with every stub and NumPy."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("//rules:py.bzl", "py_test")

# Variant -> what its tests run with. There is no NumPy 1 for Python 3.13, and the shipped stub knows NumPy 1 only.
_VARIANTS = {
    "numpy1": struct(
        env = ":env_numpy1",
        incompatible = ["//config:python_3.13"],
        kind = "own",
        stub = "//stub",
        tags = [],
    ),
    "numpy2": struct(
        env = ":env_numpy2",
        incompatible = [],
        kind = "own",
        stub = "//stub",
        tags = [],
    ),
    "shipped": struct(
        env = ":env_numpy1",
        incompatible = ["//config:python_3.13"],
        kind = "shipped",
        stub = ":shipped_stub",
        tags = ["manual"],
    ),
}

def conformance_suite(name, tests, size = "medium"):
    """Tests `TEST_numpy1` and `TEST_numpy2` with this project's stub, `TEST_shipped` (manual) with the server's own.

    Args:
      name: name of the suite of the first two; `NAME_shipped` (manual) is that of the third.
      tests: names of the tests; `TEST.py` each.
      size: size of each test.
    """
    suites = {"own": [], "shipped": []}
    for test in tests:
        for variant, choice in _VARIANTS.items():
            target = "{}_{}".format(test, variant)
            py_test(
                name = target,
                size = size,
                srcs = [test + ".py"],
                data = [
                    choice.env,
                    choice.env + "_directory",
                    choice.stub,
                    ":server_location",
                    "//third_party/triton:server",
                    "//third_party/triton:tritonserver",
                ],
                env = {
                    "EXECUTION_ENV": "$(rlocationpath {}_directory)".format(choice.env),
                    "EXECUTION_ENV_ARCHIVE": "$(rlocationpath {})".format(choice.env),
                    "SERVER_FILE": "$(rlocationpath :server_location)",
                    "STUB": "$(rlocationpath {})".format(choice.stub),
                    "STUB_KIND": choice.kind,
                    "TRITONSERVER": "$(rlocationpath //third_party/triton:tritonserver)",
                },
                main = test + ".py",
                tags = choice.tags,
                target_compatible_with = select(
                    {setting: ["@platforms//:incompatible"] for setting in choice.incompatible} |
                    {"//conditions:default": []},
                ),
                deps = [
                    ":harness",
                    "//third_party/requirements:tools",
                ],
            )
            suites[choice.kind].append(":" + target)
    native.test_suite(
        name = name,
        tests = suites["own"],
    )
    native.test_suite(
        name = name + "_shipped",
        tags = ["manual"],
        tests = suites["shipped"],
    )

def _server_location_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.write(output, ctx.attr.server[BuildSettingInfo].value + "\n")
    return [DefaultInfo(files = depset([output]))]

server_location = rule(
    implementation = _server_location_impl,
    doc = "A file with the value of the setting `server`: the folder of an installed server, or an empty line.",
    attrs = {
        "server": attr.label(
            mandatory = True,
            providers = [BuildSettingInfo],
            doc = "The `string_flag` to write down.",
        ),
    },
)
