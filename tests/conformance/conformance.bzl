"""Targets of the conformance suite: every test with every server, stub and NumPy."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("//:defs.bzl", "conda_pack_env", "triton_python_stub")
load("//config:versions.bzl", "DEFAULT_TRITON_VERSION", "TRITON_TEST_VERSIONS")
load("//rules:py.bzl", "settled_py_test")

# There is no NumPy 1 for these, and the shipped stubs know NumPy 1 only.
_WITHOUT_NUMPY1 = [
    "//config:python_3.13",
    "//config:python_3.14",
]

# What depends on NumPy: the rest need not be run with both.
_ARRAY_TESTS = [
    "bytes_test",
    "dlpack_test",
    "execute_dtypes_test",
    "execute_memory_test",
    "outputs_test",
]

# Tests that are about one server, the default one, and the further release that they need, if any.
_OF_ONE_SERVER = {
    "soak_test": None,
    "two_servers_test": "23.10",
}

# Test -> further programs, by the variable that names them.
_PROGRAMS = {
    "gpu_test": {
        "FAKE_CUDA": "//tests/stub:libfake_cuda.so",
        "GPU_PARENT": "//tests/stub:gpu_parent",
    },
}

# Test -> its tags. Those tagged `gpu` say why they skip what needs a device where there is none.
_TAGS = {
    "gpu_test": ["gpu"],
}

# Variant -> what its tests run with; `only` these tests, where it is given.
_VARIANTS = {
    "numpy1": struct(
        env = ":env_numpy1",
        incompatible = _WITHOUT_NUMPY1,
        kind = "own",
        only = _ARRAY_TESTS,
        releases = [DEFAULT_TRITON_VERSION],
        stub = "//stub",
        suite = "",
        tags = [],
    ),
    "numpy2": struct(
        env = ":env_numpy2",
        incompatible = [],
        kind = "own",
        only = None,
        # One binary for all of them: the stub is built for the default release.
        releases = TRITON_TEST_VERSIONS,
        stub = "//stub",
        suite = "",
        tags = [],
    ),
    "shipped": struct(
        env = ":env_numpy1",
        incompatible = _WITHOUT_NUMPY1,
        kind = "shipped",
        only = None,
        releases = TRITON_TEST_VERSIONS,
        stub = ":shipped_stub_triton{}",
        suite = "_shipped",
        tags = ["manual"],
    ),
    # Sanitizers make the stub several times slower: `conformance_suite` says which tests `//...` runs with `memory`; those
    # with `threads` would cost it another stub, which compiles for a minute, so they run when asked for only.
    "memory": struct(
        env = ":env_numpy2",
        incompatible = [],
        kind = "own",
        only = None,
        releases = [DEFAULT_TRITON_VERSION],
        stub = ":stub_memory",
        suite = "_memory",
        tags = [],
    ),
    "threads": struct(
        env = ":env_numpy2",
        incompatible = [],
        kind = "own",
        only = None,
        releases = [DEFAULT_TRITON_VERSION],
        stub = ":stub_threads",
        suite = "_threads",
        tags = ["manual"],
    ),
}

def conformance_suite(name, tests, sanitized, size = "medium"):
    """Tests `TEST_VARIANT_tritonRELEASE`: every test with every server, stub and NumPy.

    `NAME` is the suite of this project's stub. Manual: `NAME_shipped`, with the stub that the server came with,
    `NAME_memory` and `NAME_threads`, with this project's compiled with sanitizers.

    Args:
      name: name of the suites.
      tests: names of the tests; `TEST.py` each.
      sanitized: those of them that `//...` runs with AddressSanitizer and UndefinedBehaviorSanitizer, too.
      size: size of each test.
    """
    suites = {variant.suite: [] for variant in _VARIANTS.values()}
    for test in tests:
        for variant, choice in _VARIANTS.items():
            if choice.only != None and test not in choice.only:
                continue
            manual = variant == "memory" and test not in sanitized
            for release in _releases(test, choice):
                target = "{}_{}_triton{}".format(test, variant, release)
                _conformance_test(target, test, choice, release, size, ["manual"] if manual else choice.tags)
                suites[choice.suite].append(":" + target)
    for suite, members in suites.items():
        native.test_suite(
            name = name + suite,
            tags = ["manual"] if suite else [],
            tests = members,
        )

def _releases(test, choice):
    """The servers that a test is run on: of the shipped stubs none serves two of them."""
    if test not in _OF_ONE_SERVER:
        return choice.releases
    return [DEFAULT_TRITON_VERSION] if choice.suite != "_shipped" or not _OF_ONE_SERVER[test] else []

def conformance_python(name, python_version, numpys, tests, size = "medium"):
    """Tests `TEST_NUMPY_pyX.Y` of one Python, whatever is configured, with the default server; `name` is their suite.

    Args:
      name: name of the suite.
      python_version: minor version of CPython.
      numpys: lock sets of environments, each with its own tests.
      tests: names of the tests; `TEST.py` each.
      size: size of each test.
    """
    stub = name + "_stub"
    triton_python_stub(
        name = stub,
        testonly = True,
        python_version = python_version,
        triton_version = DEFAULT_TRITON_VERSION,
    )
    made = []
    for numpy in numpys:
        env = "env_{}_py{}".format(numpy, python_version)
        conda_pack_env(
            name = env,
            testonly = True,
            python_version = python_version,
            requirements = "@" + numpy,
            tags = ["manual"],
        )
        native.filegroup(
            name = env + "_directory",
            testonly = True,
            srcs = [":" + env],
            output_group = "directory",
            tags = ["manual"],
        )
        choice = struct(
            env = ":" + env,
            incompatible = [],
            kind = "own",
            stub = ":" + stub,
        )
        for test in tests:
            target = "{}_{}_py{}".format(test, numpy, python_version)
            _conformance_test(target, test, choice, DEFAULT_TRITON_VERSION, size, [], archive = False)
            made.append(":" + target)
    native.test_suite(
        name = name,
        tests = made,
    )

def _conformance_test(name, test, choice, release, size, tags, archive = True):
    servers = {
        variable: "@triton_" + wanted.replace(".", "_")
        for variable, wanted in {
            "OLD_TRITONSERVER": _OF_ONE_SERVER.get(test),
            "TRITONSERVER": release,
        }.items()
        if wanted
    }
    stub = choice.stub.format(release)
    programs = _PROGRAMS.get(test, {})
    settled_py_test(
        name = name,
        size = size,
        srcs = [test + ".py"],
        data = ([choice.env] if archive else []) + [
            choice.env + "_directory",
            stub,
            ":server_location",
        ] + [server + "//:" + target for server in servers.values() for target in ("server", "tritonserver")] + programs.values(),
        env = {
            "EXECUTION_ENV": "$(rlocationpath {}_directory)".format(choice.env),
            "SERVER_FILE": "$(rlocationpath :server_location)",
            "STUB": "$(rlocationpath {})".format(stub),
            "STUB_KIND": choice.kind,
            "TRITON_RELEASE": release,
        } | {
            variable: "$(rlocationpath {}//:tritonserver)".format(server)
            for variable, server in servers.items()
        } | {
            variable: "$(rlocationpath {})".format(program)
            for variable, program in programs.items()
        } | ({"EXECUTION_ENV_ARCHIVE": "$(rlocationpath {})".format(choice.env)} if archive else {}),
        # Older servers crash by themselves now and then when a stub dies or a stream is abandoned: 23.12 in 4 of 5 runs of
        # line 15 with the stub it came with, 23.10 in 2 of 6 with abandoned gRPC streams. Such a run is repeated.
        flaky = release != DEFAULT_TRITON_VERSION,
        main = test + ".py",
        tags = tags + _TAGS.get(test, []),
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
