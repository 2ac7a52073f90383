"""What the rules hand each other."""

PythonRuntimeInfo = provider(
    doc = "A relocatable CPython prefix.",
    fields = {
        "files": "depset[File]: every file of the prefix.",
        "interpreter": "File: `bin/pythonX.Y`.",
        "prefix": "str: path of the prefix in the execution root.",
        "private_libc": "bool: it runs on a C library of its own only, which lies in the prefix; good for tests alone.",
        "version": "str: full version, e.g. `3.11.7`.",
    },
)

SitePackagesInfo = provider(
    doc = "Wheels unpacked for import.",
    fields = {
        "tree": "File (directory): goes on `sys.path`.",
        "wheels": "depset[File]: the wheels in it.",
    },
)

MlflowModelInfo = provider(
    doc = "An MLflow model folder.",
    fields = {
        "tree": "File (directory): holds `MLmodel`.",
    },
)

CondaPackEnvInfo = provider(
    doc = "A relocatable execution environment in conda-pack's layout.",
    fields = {
        "archive": "File: `.tar.gz`.",
        "directory": "File (directory): the same tree.",
        "lock": "File: the hashed requirements it was made from.",
        "python_version": "str: minor version, e.g. `3.11`.",
    },
)

TritonStubInfo = provider(
    doc = "A `triton_python_backend_stub`.",
    fields = {
        "executable": "File: the stub.",
        "python_version": "str: minor version of the CPython it embeds.",
        "triton_version": "str: release of the server it is made for.",
    },
)

TritonModelInfo = provider(
    doc = "One model folder of a Triton model repository.",
    fields = {
        "environment": "File or None: the archive or directory in it.",
        "model_name": "str: name of the model.",
        "python_version": "str: minor version of the environment.",
        "tree": "File (directory): the model folder, named like the model.",
        "triton_version": "str: release of the server it is made for.",
    },
)

TritonModelRepositoryInfo = provider(
    doc = "A Triton model repository.",
    fields = {
        "model_names": "list[str]: models in it.",
        "tree": "File (directory): the repository.",
    },
)
