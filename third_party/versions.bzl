"""Outside inputs and their digests. Written by `./bazelw run //third_party:update`; do not edit."""

# Package -> version and sha256 of its wheel by CPU of the host. Several versions: package==version.
WHEELS = {
    "cmeel-boost": struct(
        sha256 = {
            "aarch64": "e45eb7ef604da09331a4efa8a6474e4fac6b3b5e89e0209d2b288dae1536cfa7",
            "x86_64": "7a9707088ccd83b190f0729899d35f5eb9d61a22775f60652c117e251123d9e7",
        },
        version = "1.80.0",
    ),
    "conda-pack": struct(
        sha256 = {
            "aarch64": "437c1acadcdfe3d4f44233513eb116129cde3911088f72ae00871802c7943e47",
            "x86_64": "437c1acadcdfe3d4f44233513eb116129cde3911088f72ae00871802c7943e47",
        },
        version = "0.9.2",
    ),
    "nvidia-pytriton==0.4.2": struct(
        sha256 = {
            "aarch64": "0d204fa71774c21768c8f985d98aa55d80945fa7066b189e8885035517635956",
            "x86_64": "8f79e8bda28961a49d5c64474c17664e10b1bb08018b7ee7bcbd81bcff86e266",
        },
        version = "0.4.2",
    ),
    "nvidia-pytriton==0.5.0": struct(
        sha256 = {
            "aarch64": "edac1a01b71cbdf9872c3d29ecbfc8d44cb5522059eaf0c64495913f4326f8ac",
            "x86_64": "f46a3c03fb0893948f57c1d5470998a6f403f2c8036d7af944c817a8fba31a46",
        },
        version = "0.5.0",
    ),
    "nvidia-pytriton==0.5.10": struct(
        sha256 = {
            "aarch64": "781ce271a3ac47c82d81ccf2ff0f01e3cd1930724954dae9d78e9eb632bfdb19",
            "x86_64": "0c08d905d25ad71e887864625ec9e2692e6cb4a746c32c93e332e5c8476bc669",
        },
        version = "0.5.10",
    ),
    "nvidia-pytriton==0.5.5": struct(
        sha256 = {
            "aarch64": "7a78e1252a4881945f67a1a9e397b4a0846710fe3889e50114d8760977b160d8",
            "x86_64": "986ee75b8fb67bba9e3b0058bd5ff3981b17be3b88e178b0b60971d89ba42a63",
        },
        version = "0.5.5",
    ),
    "nvidia-pytriton==0.7.0": struct(
        sha256 = {
            "aarch64": "f99e07ee56fe065337453956afba17d2673e02ec6a632c3de26ce6e7b32a0898",
            "x86_64": "21f063ff93bb426d0c06b7a55e7eb9efcfe62c0dddd9a908e9877e18710128df",
        },
        version = "0.7.0",
    ),
    "pybind11": struct(
        sha256 = {
            "aarch64": "aa8f0aa6e0a94d3b64adfc38f560f33f15e589be2175e103c0a33c6bce55ee89",
            "x86_64": "aa8f0aa6e0a94d3b64adfc38f560f33f15e589be2175e103c0a33c6bce55ee89",
        },
        version = "3.0.1",
    ),
    "uv": struct(
        sha256 = {
            "aarch64": "5337c30bb893b4f9ce0ceb921ba2da0d13f649da644f40ad3bef84083bef0203",
            "x86_64": "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
        },
        version = "0.13.8",
    ),
    "ziglang": struct(
        sha256 = {
            "aarch64": "d2804f94f54f7fcf8169f4b212a619ad688a4e2e6592e976f0cf2e58e2cd8af3",
            "x86_64": "97079827064a7492cce5541ceb438ae8003ce1e54e399676da2d62fb7a5dc08b",
        },
        version = "0.17.0",
    ),
}

# The patch version for which a minor version's wheels are resolved and fetched.
LOCK_PYTHONS = {
    "3.9": "3.9.18",
    "3.10": "3.10.13",
    "3.11": "3.11.7",
    "3.12": "3.12.1",
    "3.13": "3.13.0",
    "3.14": "3.14.0",
}

# Lock set -> minor versions it is made for; the files are requirements/NAME_VERSION.lock.
LOCK_SETS = {
    "bench": ["3.10", "3.11", "3.12", "3.13"],
    "dev": ["3.10", "3.11", "3.12", "3.13"],
    "flavors": ["3.11"],
    "gateway": ["3.11"],
    "integration": ["3.11"],
    "integration_mlflow2": ["3.11"],
    "lint": ["3.11"],
    "mlflow2_numpy1": ["3.11", "3.12"],
    "mlflow2_numpy2": ["3.10", "3.13"],
    "mlflow3_numpy1": ["3.11"],
    "numpy1": ["3.9", "3.10", "3.11", "3.12"],
    "numpy2": ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"],
    "peers": ["3.11"],
    "tools": ["3.10", "3.11", "3.12", "3.13"],
    "torch": ["3.11"],
    "transformers4": ["3.11"],
    "wine": ["3.10", "3.11", "3.12", "3.13"],
}

# Those of which a machine may lack a wheel; see `optional` of requirements.lock.
OPTIONAL_LOCK_SETS = ["torch", "transformers4"]
