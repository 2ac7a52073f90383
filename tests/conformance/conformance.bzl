"""Targets of the conformance suite: every test with every server, stub and NumPy."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("//config:versions.bzl", "DEFAULT_TRITON_VERSION", "TRITON_TEST_VERSIONS")
load("//rules:py.bzl", "py_test")

# Variant -> what its tests run with. There is no NumPy 1 for Python 3.13, and the shipped stub knows NumPy 1 only.
_VARIANTS = {
    "numpy1": struct(
        env = ":env_numpy1",
        incompatible = ["//config:python_3.13"],
        kind = "own",
        releases = [DEFAULT_TRITON_VERSION],
        stub = "//stub",
        suite = "",
        tags = [],
    ),
    "numpy2": struct(
        env = ":env_numpy2",
        incompatible = [],
        kind = "own",
        # One binary for all of them: the stub is built for the default release.
        releases = TRITON_TEST_VERSIONS,
        stub = "//stub",
        suite = "",
        tags = [],
    ),
    "shipped": struct(
        env = ":env_numpy1",
        incompatible = ["//config:python_3.13"],
        kind = "shipped",
        releases = TRITON_TEST_VERSIONS,
        stub = ":shipped_stub_triton{}",
        suite = "_shipped",
        tags = ["manual"],
    ),
} | {
    sanitizers: struct(
        env = ":env_numpy2",
        incompatible = [],
        kind = "own",
        releases = [DEFAULT_TRITON_VERSION],
        stub = ":stub_" + sanitizers,
        suite = "_" + sanitizers,
        tags = [],
    )
    for sanitizers in ["memory", "threads"]
}

def conformance_suite(name, tests, sanitized, size = "medium"):
    """Tests `TEST_VARIANT_tritonRELEASE`: every test with every server, stub and NumPy.

    `NAME` is the suite of this project's stub. Manual: `NAME_shipped`, with the stub that the server came with,
    `NAME_memory` and `NAME_threads`, with this project's compiled with sanitizers.

    Args:
      name: name of the suites.
      tests: names of the tests; `TEST.py` each.
      sanitized: those of them that are part of `//...` with sanitizers, too.
      size: size of each test.
    """
    suites = {variant.suite: [] for variant in _VARIANTS.values()}
    for test in tests:
        for variant, choice in _VARIANTS.items():
            manual = variant in ["memory", "threads"] and test not in sanitized
            for release in choice.releases:
                target = "{}_{}_triton{}".format(test, variant, release)
                _conformance_test(target, test, choice, release, size, ["manual"] if manual else choice.tags)
                suites[choice.suite].append(":" + target)
    for suite, members in suites.items():
        native.test_suite(
            name = name + suite,
            tags = ["manual"] if suite else [],
            tests = members,
        )

def _conformance_test(name, test, choice, release, size, tags):
    server = "@triton_" + release.replace(".", "_")
    stub = choice.stub.format(release)
    py_test(
        name = name,
        size = size,
        srcs = [test + ".py"],
        data = [
            choice.env,
            choice.env + "_directory",
            stub,
            ":server_location",
            server + "//:server",
            server + "//:tritonserver",
        ],
        env = {
            "EXECUTION_ENV": "$(rlocationpath {}_directory)".format(choice.env),
            "EXECUTION_ENV_ARCHIVE": "$(rlocationpath {})".format(choice.env),
            "SERVER_FILE": "$(rlocationpath :server_location)",
            "STUB": "$(rlocationpath {})".format(stub),
            "STUB_KIND": choice.kind,
            "TRITONSERVER": "$(rlocationpath {}//:tritonserver)".format(server),
            "TRITON_RELEASE": release,
        },
        # Older servers crash by themselves now and then when a stub dies or a stream is abandoned: 23.12 in 4 of 5 runs of
        # line 15 with the stub it came with, 23.10 in 2 of 6 with abandoned gRPC streams. Such a run is repeated.
        flaky = release != DEFAULT_TRITON_VERSION,
        main = test + ".py",
        tags = tags,
        target_compatible_with = select(
            {setting: ["@platforms//:incompatible"] for setting in choice.incompatible} |
            {"//conditions:default": []},
        ),
        deps = [
            ":harness",
            "//third_party/requirements:tools",
        ],
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
