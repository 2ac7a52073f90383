"""The runtimes of AddressSanitizer, ThreadSanitizer and UndefinedBehaviorSanitizer, and libFuzzer.

zig brings a compiler that instruments, but no runtime of AddressSanitizer and no libFuzzer. Debian packages LLVM's as
static libraries. What compiler and runtime expect of each other has not changed between the two versions: the objects ask
for `__asan_version_mismatch_check_v8`, which the linker would not find otherwise.
"""

load("//third_party/wheels:repository.bzl", "run_script")

# Package -> version in bookworm and `sha256sum` of what `apt-get download PACKAGE=VERSION` writes. 5.7 MB.
_PACKAGES = {
    "libclang-rt-19-dev": struct(
        sha256 = "872464dcd1aa3538e417e177f74a4c549b19313acaa1fe9465d32b936e9ef8eb",
        version = "1:19.1.7-3~deb12u1",
    ),
    "libstdc++-12-dev": struct(
        sha256 = "d28def6c23630432b57cb38a4c2fd67a79d4e0484027386ca6e8d6005c3d7a73",
        version = "12.2.0-14+deb12u1",
    ),
}

_BUILD = """# Written by //third_party/sanitizers:repository.bzl.
load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])
"""

# Every object of a runtime is needed, also those that nothing refers to: they replace functions of the C library, for
# shared libraries, too. The toolchain's own C++ library is hidden, so theirs stays in charge of their exceptions.
_RUNTIME = """
cc_library(
    name = "{name}",
    additional_linker_inputs = {libraries},
    linkopts = ["-rdynamic", "-Wl,--whole-archive"] +
               ["$(execpath %s)" % file for file in {libraries}] +
               ["-Wl,--no-whole-archive"],
)
"""

_FUZZER = """
cc_library(
    name = "fuzzer",
    additional_linker_inputs = {libraries},
    linkopts = ["$(execpath %s)" % file for file in {libraries}],
)
"""

_NOTHING = """
# {reason}
[
    cc_library(
        name = name,
        target_compatible_with = ["@platforms//:incompatible"],
    )
    for name in ["asan", "fuzzer", "tsan", "ubsan"]
]
"""

def _library(name):
    return "runtime/libclang_rt.{}-x86_64.a".format(name)

def _runtime(name, libraries):
    return _RUNTIME.format(name = name, libraries = [_library(library) for library in libraries])

def _fetch(rctx):
    """None, or why the runtimes cannot be had."""

    # Both folders are watched by naming their files: an edit fetches anew.
    script = rctx.path(Label("//third_party/sanitizers:fetch.sh"))
    rctx.path(Label("//third_party/bazel:common.sh"))
    scripts = rctx.path(Label("//third_party/bazel:debian.sh")).dirname
    bash = rctx.which("bash")
    if not bash or rctx.os.name != "linux":
        return "Fetching the sanitizers' runtimes needs Linux and bash."
    pins = [word for package, pin in _PACKAGES.items() for word in (package, pin.version, pin.sha256)]
    done = rctx.execute([bash, script, scripts, "runtime"] + pins, timeout = 600)
    if done.return_code:
        fail("Fetching the sanitizers' runtimes:\n" + done.stdout + done.stderr)
    if rctx.path("runtime/reason").exists:
        return rctx.read("runtime/reason")
    run_script(
        rctx,
        Label("//third_party/sanitizers:weaken.py"),
        ["runtime/libstdc++.a"],
        "making the symbols of libstdc++ weak",
    )
    return None

def _sanitizer_runtimes_impl(rctx):
    why = _fetch(rctx)
    if why:
        # buildifier: disable=print
        print(why + "What needs them is skipped.")
        rctx.file("BUILD", _BUILD + _NOTHING.format(reason = why.replace("\n", "\n# ")))
        return
    rctx.file("BUILD", _BUILD + "".join([
        _runtime("asan", ["asan_static", "asan", "asan_cxx"]),
        _runtime("tsan", ["tsan", "tsan_cxx"]),
        _runtime("ubsan", ["ubsan_standalone", "ubsan_standalone_cxx"]),
        _FUZZER.format(libraries = [_library("fuzzer"), "runtime/libstdc++.a"]),
    ]))

sanitizer_runtimes = repository_rule(
    implementation = _sanitizer_runtimes_impl,
    doc = """Libraries `//:asan`, `//:tsan`, `//:ubsan` and `//:fuzzer`, to link with what was compiled for them.

Where they cannot be had these targets are incompatible with every platform, so that `bazel test //...` skips what needs
them; the reason is printed, and stands in the repository's BUILD file.""",
    environ = [
        "BAZELW_DEBIAN_MIRROR",
        "PATH",
    ],
)
