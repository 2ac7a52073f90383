#!/bin/bash
# choose.sh ROOT CACHE KEY ANSWER: find the Bazel to run, fetch it where needed, and say so.
#
# Prints, and keeps in the file ANSWER, three lines: KEY (what the answer holds for; made and compared by
# bazelw), the Bazel to run, and the folder of a private Python or "-" for none. See bazelw for the order and
# the environment. Exit status 1, with what was tried, when there is no Bazel to be had.
set -euo pipefail

ROOT=$1 CACHE=$2 KEY=$3 ANSWER=$4
HERE=$ROOT/third_party/bazel
VERSION=$(cat "$ROOT/.bazelversion")
SOURCES=" ${BAZELW_SOURCES-path official debian} "
MINIMUM=7.4

# shellcheck source=third_party/bazel/common.sh
. "$HERE/common.sh"
# shellcheck source=third_party/bazel/path.sh
. "$HERE/path.sh"
# shellcheck source=third_party/bazel/official.sh
. "$HERE/official.sh"
# shellcheck source=third_party/bazel/debian.sh
. "$HERE/debian.sh"
# shellcheck source=third_party/bazel/debian_bazel.sh
. "$HERE/debian_bazel.sh"
# shellcheck source=third_party/bazel/debian_python.sh
. "$HERE/debian_python.sh"

allowed() {
    [[ $SOURCES == *" $1 "* ]] && return 0
    tried "$1:" "switched off by BAZELW_SOURCES"
    return 1
}

choose_bazel() {
    if [ -n "${BAZEL:-}" ]; then
        command -v "$BAZEL" || die "\$BAZEL is '$BAZEL', which cannot be run: name an executable, or unset it"
        return
    fi
    if allowed path && bazel_on_path; then return; fi
    # What an earlier call fetched is there at once; no need to look whether another source answers by now.
    local source kept
    for source in official debian; do
        kept=$("${source}_kept" "$CACHE")
        if [[ $SOURCES == *" $source "* && -x $kept ]]; then
            echo "$kept"
            return
        fi
    done
    if allowed official && bazel_official "$CACHE"; then return; fi
    if allowed debian && bazel_debian "$CACHE"; then return; fi
    say "found no Bazel $MINIMUM or newer, and none could be fetched. Tried:"
    cat "$TRIED" >&2
    say "do one of these: put Bazel $VERSION (or bazelisk) on PATH; set BAZEL to one; set BAZELW_MIRROR to a copy" \
        "of Bazel's download site; set BAZELW_DEBIAN_MIRROR to a Debian archive that this machine reaches"
    exit 1
}

choose_python() {
    python_on_path && return
    [[ $SOURCES == *" debian "* ]] && python_debian "$CACHE" && return
    say "warning: no python3 with pip on PATH and none could be fetched; repository rules will need one"
    return 1
}

mkdir -p "$CACHE"
TRIED=$(mktemp "$CACHE/tried.XXXXXX")
trap 'rm -f "$TRIED"' EXIT

bazel=$(choose_bazel)
keep=yes
python=$(choose_python) || { keep=no python=-; }
printf '%s\n%s\n%s\n' "$KEY" "$bazel" "$python" > "$TRIED"
cat "$TRIED"
# An answer with something missing is not kept: the next call tries again.
[ "$keep" = no ] || mv "$TRIED" "$ANSWER"
