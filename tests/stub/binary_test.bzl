"""`binary_test`: what the stub's file needs of the machine it runs on."""

load("//:defs.bzl", "triton_python_stub")
load("//rules:py.bzl", "settled_py_test")
load(":for_cpu.bzl", "programs_for_cpu")

def binary_test(name, python_version, cpu = "", programs = []):
    """Declares the stub `NAME_stub`, and the test of it.

    Args:
      name: name of the test.
      python_version: minor version of CPython.
      cpu: CPU that the stub is compiled for; empty: that of `--platforms`.
      programs: with `cpu`, other tests to compile for it and to run there.
    """
    stub = name + "_stub"
    triton_python_stub(
        name = stub,
        testonly = True,
        cpu = cpu,
        python_version = python_version,
    )
    env = {"STUB": "$(rlocationpath :{})".format(stub)}
    if programs:
        programs_for_cpu(
            name = name + "_programs",
            testonly = True,
            cpu = cpu,
            programs = programs,
        )
        env["PROGRAMS"] = "$(rlocationpaths :{}_programs)".format(name)
    settled_py_test(
        name = name,
        size = "small",
        srcs = ["binary_test.py"],
        data = [":" + stub] + (["@qemu"] if cpu else []) + ([name + "_programs"] if programs else []),
        env = env | {
            "CPU": cpu,
            "EMULATOR": "$(rlocationpaths @qemu)",
        } if cpu else select({
            "@platforms//cpu:aarch64": env | {"CPU": "aarch64"},
            "//conditions:default": env | {"CPU": "x86_64"},
        }),
        main = "binary_test.py",
        deps = [
            "//tests/runfiles",
            "//third_party/requirements:dev",
        ],
    )
