# shellcheck shell=bash
# What the files of this folder share: messages, the record of what was tried, and "once".

say() { printf 'bazelw: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Reasons why a source gave nothing, shown when no source did. One line each, in $TRIED (a file, so that
# subshells can add to it).
tried() { printf '  %-9s %s\n' "$1" "$2" >> "$TRIED"; }

# once MARKER COMMAND...: run COMMAND unless the file MARKER exists; COMMAND must make it, as its last step.
# Any number of processes may ask at the same time: one works, the others wait. What a killed one left
# behind is COMMAND's to clear. The lock dies with the last process that works.
once() {
    local marker=$1
    shift
    [ -e "$marker" ] && return 0
    mkdir -p "$(dirname "$marker")"
    (
        if ! flock -n 9; then
            say "waiting for another bazelw that prepares $(dirname "$marker")"
            flock 9
        fi
        [ -e "$marker" ] || "$@"
    ) 9> "$(dirname "$marker").lock"
}

# The size of files, for people.
megabytes() { printf '%d MB' $((($1 + 500000) / 1000000)); }
