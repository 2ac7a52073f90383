# shellcheck shell=bash
# What the machine has already: a Bazel that will do, a Python that will do.

# newer_or_same A B: A and B are like 7.4 or 8.1.0rc1; whether A >= B. Only the first two numbers count.
newer_or_same() {
    local a_major=${1%%.*} b_major=${2%%.*} a_minor=${1#*.} b_minor=${2#*.}
    a_minor=${a_minor%%[!0-9]*} b_minor=${b_minor%%[!0-9]*}
    ((a_major > b_major || (a_major == b_major && a_minor >= b_minor)))
}

# Prints the first of bazelisk and bazel on PATH that is new enough.
bazel_on_path() {
    local name found said version none=yes
    for name in bazelisk bazel; do
        found=$(command -v "$name") || continue
        none=no
        if [ "$(readlink -f "$found")" = "$ROOT/bazelw" ]; then
            tried path: "$found is this wrapper"
            continue
        fi
        # From the workspace, so that bazelisk looks at its .bazelversion; it may have to download first.
        if ! said=$(cd "$ROOT" && timeout 120 "$found" --version 2>&1 < /dev/null | tail -n 1); then
            tried path: "$found --version failed: $said"
            continue
        fi
        version=$(sed -nE 's/^bazel ([0-9]+\.[0-9]+[^ ]*)( .*)?$/\1/p' <<< "$said")
        # A build from a distribution ("7.7.1- (@non-git)") looks for its rule packages in /usr/share, where this
        # workspace's module lookup does not find them; the debian source takes the same build with them.
        if [ -z "$version" ] || [[ $version == *- ]]; then
            tried path: "$found is no release of Bazel, it says '$said'"
        elif newer_or_same "$version" "$MINIMUM"; then
            echo "$found"
            return
        else
            tried path: "$found is $version, wanted $MINIMUM or newer"
        fi
    done
    [ "$none" = no ] || tried path: "no bazelisk and no bazel on PATH"
    return 1
}

# Prints "-" (no private one needed) when PATH has a python3 (3.9 or newer) whose pip works.
python_on_path() {
    command -v python3 > /dev/null || return 1
    python3 -c 'import sys, pip; sys.exit(sys.version_info < (3, 9))' 2> /dev/null || return 1
    echo -
}
