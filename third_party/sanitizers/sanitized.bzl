"""Programs and tests compiled with sanitizers, whatever the configuration."""

_FEATURES = "//command_line_option:features"

# Reports name functions where this program is there, and addresses elsewhere.
_SYMBOLIZER = "external_symbolizer_path=/usr/bin/addr2line"

_ENVIRONMENT = {
    "ASAN_OPTIONS": _SYMBOLIZER + ":detect_stack_use_after_return=1",
    "TSAN_OPTIONS": _SYMBOLIZER + ":halt_on_error=1",
    "UBSAN_OPTIONS": _SYMBOLIZER + ":halt_on_error=1:print_stacktrace=1",
}

# One set serves all that looks at memory and undefined behaviour, libFuzzer included, so that everything is compiled once.
_SETS = {
    "memory": ["asan", "ubsan", "fuzzer"],
    "threads": ["tsan"],
}

def _sanitized_impl(settings, attr):
    kept = [feature for feature in settings[_FEATURES] if feature not in ["asan", "fuzzer", "tsan", "ubsan"]]
    return {_FEATURES: kept + _SETS[attr.sanitizers]}

_sanitized = transition(
    implementation = _sanitized_impl,
    inputs = [_FEATURES],
    outputs = [_FEATURES],
)

def _sanitized_program_impl(ctx):
    program = ctx.attr.program[0] if type(ctx.attr.program) == "list" else ctx.attr.program
    output = ctx.actions.declare_file(ctx.label.name + "/" + program[DefaultInfo].files_to_run.executable.basename)
    ctx.actions.symlink(
        output = output,
        target_file = program[DefaultInfo].files_to_run.executable,
        is_executable = True,
    )
    return [
        DefaultInfo(
            executable = output,
            files = depset([output]),
            runfiles = ctx.runfiles([output]).merge(program[DefaultInfo].default_runfiles),
        ),
        RunEnvironmentInfo(environment = _ENVIRONMENT),
    ]

sanitized_program = rule(
    implementation = _sanitized_program_impl,
    doc = "The program `program`, compiled with sanitizers.",
    attrs = {
        "program": attr.label(
            mandatory = True,
            cfg = _sanitized,
            executable = True,
            doc = "What to compile.",
        ),
        "sanitizers": attr.string(
            default = "memory",
            doc = "`memory`: AddressSanitizer and UndefinedBehaviorSanitizer; `threads`: ThreadSanitizer.",
            values = _SETS.keys(),
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    executable = True,
)

# Tests have a `sanitized_program` and no transition of their own: Bazel keeps other options for tests, and what is reached
# from a test by a transition would be compiled once more.
_PROGRAM = {
    "program": attr.label(
        mandatory = True,
        cfg = "target",
        executable = True,
        doc = "A `sanitized_program`.",
    ),
}

def _sanitized_test_impl(ctx):
    run = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = run, target_file = ctx.executable.program, is_executable = True)
    return [
        DefaultInfo(
            executable = run,
            runfiles = ctx.attr.program[DefaultInfo].default_runfiles,
        ),
        RunEnvironmentInfo(environment = _ENVIRONMENT),
    ]

sanitized_test = rule(
    implementation = _sanitized_test_impl,
    doc = "Runs the `sanitized_program` of a test.",
    attrs = _PROGRAM,
    test = True,
)

# New finds go to a scratch folder; an input that fails is kept with the test's outputs.
_RUN = """#!/bin/sh
mkdir -p "$TEST_TMPDIR/new"
exec "{program}" -seed=1 -runs={runs} -entropic=0 -timeout=20 -max_len={max_len} -verbosity=0 -print_final_stats=1 \\
    -artifact_prefix="${{TEST_UNDECLARED_OUTPUTS_DIR:-$TEST_TMPDIR}}/" "$@" "$TEST_TMPDIR/new" {folders}
"""

def _fuzz_test_impl(ctx):
    run = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(run, is_executable = True, content = _RUN.format(
        folders = " ".join({file.dirname: None for file in ctx.files.inputs}),
        max_len = ctx.attr.max_len,
        program = ctx.executable.program.short_path,
        runs = ctx.attr.runs,
    ))
    return [
        DefaultInfo(
            executable = run,
            runfiles = ctx.runfiles(ctx.files.inputs).merge(ctx.attr.program[DefaultInfo].default_runfiles),
        ),
        RunEnvironmentInfo(environment = _ENVIRONMENT),
    ]

fuzz_test = rule(
    implementation = _fuzz_test_impl,
    doc = """Runs a libFuzzer program on all inputs and then on a bounded number of inputs made of them.

Deterministic: the same inputs every time, so a green test stays green until the code changes.""",
    attrs = _PROGRAM | {
        "inputs": attr.label_list(
            allow_files = True,
            doc = "Files to start from: the seed corpus, and what once failed.",
        ),
        "max_len": attr.int(default = 4096, doc = "Longest input, in bytes."),
        "runs": attr.int(default = 20000, doc = "How many inputs to try, the given ones included."),
    },
    test = True,
)
