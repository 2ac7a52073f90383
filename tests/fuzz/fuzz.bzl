"""`fuzz_target`: a libFuzzer program and the test that runs it."""

load("@rules_cc//cc:defs.bzl", "cc_binary")
load("//third_party/sanitizers:sanitized.bzl", "fuzz_test", "sanitized_program")

_COPTS = [
    "-std=c++17",
    "-Wall",
    "-Wextra",
    "-Werror",
]

def fuzz_target(name, deps, runs = 20000, linkopts = [], additional_linker_inputs = []):
    """Declares the test `NAME_fuzz_test` and the program `NAME_fuzzer`, from `NAME_fuzzer.cc`.

    The test runs the seed corpus `corpus/NAME/*`, what once failed, `//tests/regressions:NAME`, and then `runs` inputs in
    all, the same ones every time. The program looks for as long as one wants:
    `bazel run //tests/fuzz:NAME_fuzzer -- -max_total_time=600`.

    Args:
      name: what is fuzzed.
      deps: libraries that the target needs.
      runs: how many inputs the test tries.
      linkopts: as in `cc_binary`.
      additional_linker_inputs: as in `cc_binary`.
    """
    cc_binary(
        name = name + "_fuzzer_plain",
        testonly = True,
        srcs = [name + "_fuzzer.cc"],
        additional_linker_inputs = additional_linker_inputs,
        copts = _COPTS,
        # Checked is what the target calls: its own code costs a compiler twice as much so.
        features = ["-ubsan"],
        linkopts = linkopts,
        # Boost 1.80 still uses what C++17 removed.
        local_defines = ["_LIBCPP_ENABLE_CXX17_REMOVED_UNARY_BINARY_FUNCTION"],
        # Without the sanitizers it is no program.
        tags = ["manual"],
        deps = deps + ["//third_party/sanitizers:fuzzer"],
    )
    sanitized_program(
        name = name + "_fuzzer",
        testonly = True,
        program = name + "_fuzzer_plain",
    )
    fuzz_test(
        name = name + "_fuzz_test",
        size = "small",
        inputs = native.glob(
            ["corpus/{}/*".format(name)],
            allow_empty = True,
        ) + ["//tests/regressions:" + name],
        program = name + "_fuzzer",
        runs = runs,
    )
