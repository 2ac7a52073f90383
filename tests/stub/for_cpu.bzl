"""`programs_for_cpu`: programs compiled for another CPU."""

load("//rules:transitions.bzl", "ALLOWLIST_ATTR", "STUB_CPUS")

def _cpu_impl(_settings, attr):
    return {"//command_line_option:platforms": [STUB_CPUS[attr.cpu]]}

_cpu_transition = transition(
    implementation = _cpu_impl,
    inputs = [],
    outputs = ["//command_line_option:platforms"],
)

def _programs_for_cpu_impl(ctx):
    return [DefaultInfo(files = depset(ctx.files.programs))]

programs_for_cpu = rule(
    implementation = _programs_for_cpu_impl,
    doc = "The files of `programs`, compiled for `cpu` whatever is configured.",
    attrs = ALLOWLIST_ATTR | {
        "cpu": attr.string(mandatory = True, doc = "`x86_64` or `aarch64`.", values = sorted(STUB_CPUS)),
        "programs": attr.label_list(mandatory = True, cfg = _cpu_transition, doc = "Targets of programs."),
    },
)
