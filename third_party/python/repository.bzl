"""CPython runtimes as external repositories: copied, relocatable, inputs by content."""

load("//third_party/wheels:repository.bzl", "fetch_wheel", "host_python", "run_script")

# What compiles the standard library: every tool and test of a build starts a Python.
_BYTECODE = Label("//tools/mlflow_backend_utils/env:bytecode.py")

_BUILD = """
load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library")
load("@rules_python//python:py_runtime.bzl", "py_runtime")
load("@rules_python//python:py_runtime_pair.bzl", "py_runtime_pair")
load("{main}//third_party/python:runtime.bzl", "import_library_source", "python_runtime", "weak_header")
{exec_tools_load}
package(default_visibility = ["//visibility:public"])

filegroup(
    name = "files",
    srcs = glob(["bin/**", "lib/**"]),
)

python_runtime(
    name = "runtime",
    srcs = [":files"],
    interpreter = "bin/python{minor}",
    private_libc = {private_libc},
    version = "{version}",
)

cc_library(
    name = "headers",
    hdrs = glob(["include/python{minor}/**"]),
    includes = ["include/python{minor}"],
)

# A link-time stand-in for libpython: right SONAME and symbols, no code, any CPU.
import_library_source(
    name = "import_source",
    out = "libpython_import.S",
    symbols = "symbols.txt",
)

cc_binary(
    name = "libpython{minor}.so",
    srcs = [":import_source"],
    linkopts = ["-Wl,-soname,libpython{minor}.so.1.0"],
    linkshared = True,
)

alias(
    name = "libpython",
    actual = ":libpython{minor}.so",
)

# For programs that load libpython themselves: `-include libpython_weak.h`.
weak_header(
    name = "weak_symbols_header",
    out = "weak/libpython_weak.h",
    symbols = "symbols.txt",
)

cc_library(
    name = "weak_symbols",
    hdrs = [":weak_symbols_header"],
    includes = ["weak"],
)

# For py_binary and py_test of rules_python.
py_runtime(
    name = "py_runtime",
    files = [":files"],
    interpreter = "bin/python{minor}",
    python_version = "PY3",
)

py_runtime_pair(
    name = "py_runtime_pair",
    py3_runtime = ":py_runtime",
)

toolchain(
    name = "toolchain",
    target_settings = ["{main}//config:python_{minor}"],
    toolchain = ":py_runtime_pair",
    toolchain_type = "@rules_python//python:toolchain_type",
)
{exec_tools}
"""

# rules_python 1.x and later resolve a second toolchain; without one of ours they would download a CPython for it.
_EXEC_TOOLS_LOAD = """
load("@rules_python//python:py_exec_tools_toolchain.bzl", "py_exec_tools_toolchain")
"""

_UNAVAILABLE = """
load("{main}//third_party/python:unavailable.bzl", "unavailable")

[
    unavailable(
        name = name,
        message = {message},
        visibility = ["//visibility:public"],
    )
    for name in ["headers", "libpython", "runtime", "weak_symbols"]
]
"""

# What BUILD files and macros may load from each runtime's repository.
_STATUS = """# Written by //third_party/python:repository.bzl.
# Why this machine cannot have CPython {minor}; empty: it has it.
REASON = {reason}

# Whether it runs on a C library of its own only, as Debian's of a later release does; good for tests alone.
PRIVATE_LIBC = {private_libc}
"""

_EXEC_TOOLS = """
py_exec_tools_toolchain(name = "exec_tools")

toolchain(
    name = "exec_tools_toolchain",
    target_settings = ["{main}//config:python_{minor}"],
    toolchain = ":exec_tools",
    toolchain_type = "@rules_python//python:exec_tools_toolchain_type",
)
"""

def _fetch_standalone(rctx, minor):
    """A standalone build by `uv python install`, or why there is none: (prefix or None, text)."""
    done = rctx.execute(
        [rctx.path(rctx.attr.uv), "python", "install", "--no-bin", "--install-dir", "standalone", minor],
        # A machine that cannot reach the builds must not wait for retries.
        environment = {"UV_HTTP_RETRIES": "0"},
        timeout = 600,
    )
    if done.return_code == 0:
        for child in rctx.path("standalone").readdir():
            if child.basename.startswith("cpython-" + minor + "."):
                return child, ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return None, (lines[-1] if lines else "no output")

def _fetch_debian(rctx, minor):
    """Debian's packages of CPython, unpacked: (prefix or None, folder of a C library that it needs or None, text)."""
    script = rctx.path(Label("//third_party/python:debian.sh"))

    # Watched by naming them: an edit fetches anew.
    rctx.path(Label("//third_party/bazel:common.sh"))
    scripts = rctx.path(Label("//third_party/bazel:debian.sh")).dirname
    bash = rctx.which("bash")
    if not bash or rctx.os.name != "linux":
        return None, None, "needs Linux and bash"
    done = rctx.execute([bash, script, scripts, "debian", minor], timeout = 600)
    reason = rctx.path("debian/reason")
    if done.return_code:
        return None, None, "failed: " + (done.stderr.strip().splitlines() or ["no output"])[-1]
    if reason.exists:
        return None, None, "; ".join(rctx.read(reason).strip().splitlines())
    libc = rctx.path("debian/libc")
    return rctx.path("debian/packages/usr"), (libc if libc.exists else None), ""

def _python_toolchain_impl(rctx):
    minor = rctx.attr.version
    variable = "MLFLOW_BACKEND_PYTHON_" + minor.replace(".", "_")
    candidates = json.decode(run_script(
        rctx,
        Label("//third_party/python:find_python.py"),
        [minor],
        "looking for CPython " + minor,
        environment = {variable: rctx.attr.prefix} if rctx.attr.prefix else {},
    ))
    explicit = [c for c in candidates if c["source"] == "$" + variable]
    looked = []
    chosen = None
    libc = None
    if explicit:
        if not explicit[0]["usable"]:
            fail("CPython {} was asked for at {}, which cannot serve: {}.".format(
                minor,
                explicit[0]["prefix"],
                explicit[0]["reason"],
            ))
        chosen = explicit[0]["prefix"]
    if not chosen:
        standalone, why = _fetch_standalone(rctx, minor)
        if standalone:
            chosen = str(standalone)
        looked.append("standalone build by uv: " + why)
    if not chosen:
        for candidate in candidates:
            if candidate["usable"]:
                chosen = candidate["prefix"]
                break
            looked.append("{} ({}): {}".format(candidate["prefix"], candidate["source"], candidate["reason"]))
    if not chosen:
        chosen, libc, why = _fetch_debian(rctx, minor)
        looked.append("Debian's packages: " + why)
    main = str(Label("//third_party/python:x")).partition("//")[0]
    if not chosen:
        # Registering toolchains loads this repository on every machine, also for builds with another Python.
        message = ("CPython {minor} cannot be had. Looked for:\n  {looked}\n" +
                   "Install it (pyenv, uv or the system's packages, with shared library and headers), set {variable} to its " +
                   "prefix, or leave out python.toolchain(version = \"{minor}\").").format(
            minor = minor,
            looked = "\n  ".join(looked),
            variable = variable,
        )
        rctx.file("BUILD", _UNAVAILABLE.format(main = main, message = json.encode(message)))
        rctx.file("status.bzl", _STATUS.format(minor = minor, private_libc = False, reason = json.encode(message)))
        return
    made = json.decode(run_script(
        rctx,
        Label("//third_party/python:make_runtime.py"),
        [chosen, rctx.path("."), "--series", minor, "--bytecode", rctx.path(_BYTECODE)] +
        (["--libc", libc, "--program", rctx.path("debian/program")] if libc else []),
        "copying CPython {} from {}".format(minor, chosen),
    ))
    rctx.delete("standalone")
    rctx.delete("debian")
    has_exec_tools = rctx.path(Label("@rules_python//python:BUILD.bazel")).dirname.get_child("py_exec_tools_toolchain.bzl").exists
    substitutions = {
        "main": main,
        "minor": minor,
        "private_libc": libc != None,
        "version": made["version"],
    }
    rctx.file("status.bzl", _STATUS.format(minor = minor, private_libc = libc != None, reason = json.encode("")))
    rctx.file("BUILD", _BUILD.format(
        exec_tools = _EXEC_TOOLS.format(**substitutions) if has_exec_tools else "",
        exec_tools_load = _EXEC_TOOLS_LOAD if has_exec_tools else "",
        **substitutions
    ))

python_toolchain = repository_rule(
    implementation = _python_toolchain_impl,
    doc = "A relocatable CPython: `//:runtime`, `//:headers`, `//:libpython`, and a rules_python toolchain.",
    attrs = {
        "prefix": attr.string(doc = "Prefix of an installed CPython to copy; empty: fetched, or found on the machine."),
        "uv": attr.label(mandatory = True, doc = "The pinned uv: it knows the standalone builds and their digests."),
        "version": attr.string(mandatory = True, doc = "Minor version, e.g. `3.11`."),
    },
    environ = [
        "BAZELW_DEBIAN_MIRROR",
        "HOME",
        "MLFLOW_BACKEND_PYTHON_3_9",
        "MLFLOW_BACKEND_PYTHON_3_10",
        "MLFLOW_BACKEND_PYTHON_3_11",
        "MLFLOW_BACKEND_PYTHON_3_12",
        "MLFLOW_BACKEND_PYTHON_3_13",
        "MLFLOW_BACKEND_PYTHON_3_14",
        "PYENV_ROOT",
        "UV_PYTHON_INSTALL_DIR",
        "UV_PYTHON_INSTALL_MIRROR",
    ],
)

def _uv_impl(rctx):
    fetch_wheel(rctx, "uv", "whl", platform = "manylinux_2_28_{cpu}")
    done = rctx.execute([host_python(rctx), "-B", rctx.path(Label("//third_party/python:unpack_uv.py")), "whl"])
    if done.return_code:
        fail("unpacking uv:\n" + done.stderr)
    rctx.file("BUILD", "exports_files([\"uv\"])\n")

uv_tool = repository_rule(
    implementation = _uv_impl,
    doc = "The pinned uv.",
)
