"""Wheels as external repositories, fetched by pip as the machine is set up and checked by digest."""

load("//third_party:versions.bzl", "LOCK_PYTHONS", "WHEELS")

_ARCHITECTURES = {
    "aarch64": "aarch64",
    "amd64": "x86_64",
    "arm64": "aarch64",
    "x86_64": "x86_64",
}

def host_cpu(rctx):
    """The CPU of the machine that fetches.

    Args:
      rctx: the repository context.

    Returns:
      `x86_64` or `aarch64`, as wheels and platforms spell it.
    """
    cpu = _ARCHITECTURES.get(rctx.os.arch)
    if not cpu:
        fail("CPU \"{}\" is not supported; supported are x86_64 and aarch64.".format(rctx.os.arch))
    return cpu

def host_python(rctx):
    """The Python that runs the fetch scripts: any 3.9 or newer with pip.

    Args:
      rctx: the repository context.

    Returns:
      Its path.
    """
    python = rctx.which("python3")
    if not python:
        fail("python3 was not found on PATH; fetching needs Python 3.9 or newer with pip. " +
             "`./bazelw` brings one on machines without.")
    return python

# Of fetch.py: pip finds no wheel of a package for the target.
_MISSING = 3

# Changes of these may let pip find what it did not find before.
_PIP_VARIABLES = ["PIP_CONFIG_FILE", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL"]

def _execute(rctx, script, arguments, environment = {}, python = None):
    return rctx.execute(
        [python or host_python(rctx), "-B", rctx.path(script)] + arguments,
        environment = environment,
        timeout = 3600,
    )

def _fail(what, done):
    fail("{}:\n{}{}".format(what, done.stdout, done.stderr))

def run_script(rctx, script, arguments, what, environment = {}, python = None):
    """Runs a fetch script of this workspace and returns what it printed; fails with its own words.

    Args:
      rctx: the repository context.
      script: Label of a Python file.
      arguments: list of strings and paths.
      what: what was being done, for the error message.
      environment: dict of variables to set.
      python: path of the interpreter; `host_python` if not given.

    Returns:
      The standard output, a string.
    """
    done = _execute(rctx, script, arguments, environment, python)
    if done.return_code:
        _fail(what, done)
    return done.stdout

def fetch_wheel(rctx, package, out, platform = "manylinux_2_35_{cpu}"):
    """Downloads a pinned wheel.

    Args:
      rctx: the repository context.
      package: a row of `//third_party:versions.bzl`.
      out: folder that gets the wheel.
      platform: newest manylinux tag that may be chosen.
    """
    row = WHEELS[package]
    package = package.partition("==")[0]
    cpu = host_cpu(rctx)
    if cpu not in row.sha256:
        fail("{} {} has no wheel for CPU \"{}\"; there are {}.".format(package, row.version, cpu, ", ".join(row.sha256)))
    rctx.file("pinned.lock", "{}=={} --hash=sha256:{}\n".format(package, row.version, row.sha256[cpu]))
    run_script(rctx, Label("//third_party/wheels:fetch.py"), [
        "--lock",
        "pinned.lock",
        "--out",
        out,
        "--python_version",
        LOCK_PYTHONS["3.11"],
        "--platform",
        platform.format(cpu = cpu),
    ], "fetching {} {}".format(package, row.version))
    rctx.delete("pinned.lock")

_WHEEL_BUILD = """
package(default_visibility = ["//visibility:public"])

alias(
    name = "wheel",
    actual = "{wheel}",
)
"""

def _pinned_wheel_impl(rctx):
    fetch_wheel(rctx, rctx.attr.package, "whl")
    (wheel,) = rctx.path("whl").readdir()
    rctx.file("BUILD", _WHEEL_BUILD.format(wheel = "whl/" + wheel.basename))

pinned_wheel = repository_rule(
    implementation = _pinned_wheel_impl,
    doc = "One wheel as a file: `//:wheel`.",
    attrs = {
        "package": attr.string(mandatory = True, doc = "A row of `//third_party:versions.bzl`."),
    },
)

_LOCK_BUILD = """
package(default_visibility = ["//visibility:public"])

exports_files(["requirements.lock"])

filegroup(
    name = "wheels",
    srcs = glob(["whl/*.whl"]),
)
"""

_MISSING_BUILD = """
load("{rules}//third_party/python:unavailable.bzl", "unavailable")

package(default_visibility = ["//visibility:public"])

exports_files(["requirements.lock"])

unavailable(
    name = "wheels",
    message = {message},
)
"""

# What BUILD files and macros may load from each lock's repository.
_STATUS = """# Written by //third_party/wheels:repository.bzl.
# Why this machine cannot have the wheels; empty: it has them.
REASON = {reason}
"""

def _locked_wheels_impl(rctx):
    version = rctx.attr.python_version
    if version not in LOCK_PYTHONS:
        fail("requirements.lock(name = \"{}\"): Python \"{}\" is not supported; supported are {}.".format(
            rctx.attr.set_name,
            version,
            ", ".join(LOCK_PYTHONS),
        ))
    rctx.symlink(rctx.attr.lock, "requirements.lock")
    done = _execute(rctx, Label("//third_party/wheels:fetch.py"), [
        "--lock",
        rctx.path(rctx.attr.lock),
        "--out",
        "whl",
        "--python_version",
        LOCK_PYTHONS[version],
        "--platform",
        rctx.attr.platform,
    ])
    reason = ""
    if done.return_code == _MISSING and rctx.attr.optional:
        for variable in _PIP_VARIABLES:
            rctx.getenv(variable)  # fetched anew when it changes
        reason = ("Lock set \"{}\" cannot be had for Python {}: {}\n" +
                  "Put the wheel where pip looks: into its index, or into a folder that PIP_FIND_LINKS names.").format(
            rctx.attr.set_name,
            version,
            done.stderr.strip(),
        )
    elif done.return_code:
        _fail("fetching the wheels of {}".format(rctx.attr.lock), done)
    rctx.file("status.bzl", _STATUS.format(reason = json.encode(reason)))
    rctx.file("BUILD", _MISSING_BUILD.format(
        message = json.encode(reason),
        rules = _rules(),
    ) if reason else _LOCK_BUILD)

locked_wheels = repository_rule(
    implementation = _locked_wheels_impl,
    doc = "The wheels of one hashed lock for one Python and platform: `//:wheels`, and `REASON` of `//:status.bzl`.",
    attrs = {
        "lock": attr.label(mandatory = True, allow_single_file = True, doc = "A requirements file with `==` and `--hash`."),
        "optional": attr.bool(doc = "A wheel that pip finds nowhere is an error for those who use `//:wheels` alone."),
        "platform": attr.string(default = "manylinux_2_28_x86_64", doc = "Newest manylinux tag that the target can run."),
        "python_version": attr.string(mandatory = True, doc = "Minor version, e.g. `3.11`."),
        "set_name": attr.string(doc = "Name of the lock set, for messages."),
    },
)

_HUB_BUILD = """
load("{rules}//rules:py_site_packages.bzl", "py_site_packages")
load("{rules}//third_party/python:unavailable.bzl", "unavailable")

package(default_visibility = ["//visibility:public"])

alias(
    name = "wheels",
    actual = select({{
{wheels}
        "//conditions:default": ":no_lock",
    }}),
)

alias(
    name = "lock",
    actual = select({{
{locks}
        "//conditions:default": ":no_lock",
    }}),
)

unavailable(
    name = "no_lock",
    message = {error},
)

py_site_packages(
    name = "site_packages",
    wheels = ":wheels",
)
"""

_HUB_STATUS = """# Written by //third_party/wheels:repository.bzl.
{loads}

# Python version -> why this machine cannot have its wheels; empty: it has them. To load it fetches them.
REASONS = {{
{reasons}
}}
"""

def _rules():
    """The prefix of this workspace's labels in a generated BUILD file."""
    return str(Label("//rules:x")).partition("//")[0]

def _hub_impl(rctx):
    def branches(target):
        return "\n".join([
            '        "{}": "{}",'.format(
                Label("//config:python_" + version),
                repo + "//:" + target,
            )
            for version, repo in rctx.attr.repositories.items()
        ])

    rctx.file("BUILD", _HUB_BUILD.format(
        rules = _rules(),
        wheels = branches("wheels"),
        locks = branches("requirements.lock"),
        error = json.encode(("lock set \"{}\" has no lock for this //config:python_version; there are locks for {}. Choose one of " +
                             "these, or add one to requirements.lock: a stub alone needs none.").format(
            rctx.attr.set_name,
            ", ".join(rctx.attr.repositories),
        )),
    ))
    loads = [
        'load("{}//:status.bzl", _REASON_{} = "REASON")'.format(repo, repository_suffix(version))
        for version, repo in rctx.attr.repositories.items()
    ]
    reasons = [
        '    "{}": _REASON_{},'.format(version, repository_suffix(version))
        for version in rctx.attr.repositories
    ]
    rctx.file("status.bzl", _HUB_STATUS.format(
        loads = "\n".join(loads),
        reasons = "\n".join(reasons),
    ))

wheels_hub = repository_rule(
    implementation = _hub_impl,
    doc = "One name for the lock set of every Python: `//:wheels`, `//:lock`, `//:site_packages`, `REASONS` of `//:status.bzl`.",
    attrs = {
        "repositories": attr.string_dict(mandatory = True, doc = "Minor Python version to the repository's apparent prefix."),
        "set_name": attr.string(mandatory = True, doc = "Name of the lock set, for messages."),
    },
)

def repository_suffix(version):
    """`3.11` as it stands in repository names: `3_11`."""
    return version.replace(".", "_")

def lock_set(name, locks, platform = "manylinux_2_28_x86_64", optional = False):
    """Declares the repositories of one lock set.

    Args:
      name: name of the hub repository.
      locks: dict, minor Python version to label of the lock.
      platform: newest manylinux tag that the target can run.
      optional: a wheel that pip finds nowhere is an error for those who use the set, and for nobody else.
    """
    repositories = {}
    for version, lock in locks.items():
        member = "{}_{}".format(name, repository_suffix(version))
        locked_wheels(
            name = member,
            lock = lock,
            optional = optional,
            platform = platform,
            python_version = version,
            set_name = name,
        )
        repositories[version] = "@" + member
    wheels_hub(
        name = name,
        repositories = repositories,
        set_name = name,
    )
