"""What every test that runs a Bazel of its own has in common."""

# Variables by which a user's fetching is set up: where caches are, which Bazel, which mirrors and certificates.
NESTED_BAZEL_ENV = [
    "ALL_PROXY",
    "BAZEL",
    "BAZELISK_BASE_URL",
    "BAZELW_DEBIAN_MIRROR",
    "BAZELW_MIRROR",
    "BAZELW_SOURCES",
    "CURL_CA_BUNDLE",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "MLFLOW_BACKEND_PYTHON_3_10",
    "MLFLOW_BACKEND_PYTHON_3_11",
    "MLFLOW_BACKEND_PYTHON_3_12",
    "MLFLOW_BACKEND_PYTHON_3_13",
    "NO_PROXY",
    "PATH",
    "PIP_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "PYENV_ROOT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "USER",
    "UV_PYTHON_INSTALL_DIR",
    "UV_PYTHON_INSTALL_MIRROR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "http_proxy",
    "https_proxy",
    "no_proxy",
]

# Outside Bazel's sandbox, in which the nested one could neither read the source tree nor make sandboxes; alone, since it
# uses the whole machine; with the network, since its repositories are fetched (from the user's store where that has them).
NESTED_BAZEL_TAGS = [
    "exclusive",
    "local",
    "no-remote",
    "no-sandbox",
    "requires-network",
]
