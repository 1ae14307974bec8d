# Shared by the scripts beside it: sourced, never run. Leaves the caller in the project's root.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$root"
jobs=$(nproc)
mkdir -p build
log=$root/build/${0##*/}.log

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' plain=''
fi

say() { printf '%s\n' "$*"; }
die() { printf '%s%s%s\n' "$red" "$*" "$plain" >&2; exit 1; }

# step TEXT COMMAND...: the text, a running count of seconds on a terminal, and the command's output only if it fails.
step() {
    local text=$1 started=$SECONDS child status=0
    shift
    printf '%s' "$text"
    printf '\n== %s: %s\n' "$text" "$*" >>"$log"
    local mark
    mark=$(wc -c <"$log")
    "$@" >>"$log" 2>&1 </dev/null &
    child=$!
    if [ -t 1 ]; then
        while kill -0 "$child" 2>/dev/null; do
            printf '\r%s %s%d s%s' "$text" "$dim" $((SECONDS - started)) "$plain"
            sleep 0.2
        done
        printf '\r%s' "$text"
    fi
    wait "$child" || status=$?
    if [ "$status" -eq 0 ]; then
        printf ' %s(%d s)%s\n' "$dim" $((SECONDS - started)) "$plain"
    else
        printf ' %sfailed%s\n' "$red" "$plain"
        tail -c +$((mark + 1)) "$log" | tail -n 60 >&2
        say "the whole output: $log" >&2
    fi
    return "$status"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "not root, and no sudo: run as root once: $*"
    fi
}

# Debian 12 has version 14 of clang's tools; newer systems have their own default.
llvm() {
    if command -v "$1-14" >/dev/null; then
        printf '%s-14' "$1"
    else
        printf '%s' "$1"
    fi
}

node_major() { "$1" --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p'; }

# Prints the path of a Node that is new enough, the project's own first; fails when there is none.
node_path() {
    local candidate major
    for candidate in "$root/build/node/bin/node" "$(command -v node || true)"; do
        [ -x "$candidate" ] || continue
        major=$(node_major "$candidate")
        if [ "${major:-0}" -ge 22 ]; then
            printf '%s' "$candidate"
            return 0
        fi
    done
    return 1
}

# build_dir NAME [MESON-OPTION...] [-- TARGET...]: configures build/NAME once and compiles it, or only the targets.
build_dir() {
    local name=$1 options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    if [ ! -f "build/$name/build.ninja" ]; then
        meson setup "build/$name" "${options[@]}"
    fi
    ninja -C "build/$name" -j "$jobs" "$@"
}

# The files that a change touches, else all: what the slow checks look at. Arguments are git pathspecs.
changed_files() {
    local base
    if ! git rev-parse -q --verify HEAD >/dev/null 2>&1; then
        find src tests bench -name '*.[ch]' 2>/dev/null
        return
    fi
    base=$(git rev-parse -q --verify 'origin/HEAD~' || git rev-parse -q --verify 'HEAD~' || git hash-object -t tree /dev/null)
    { git diff --name-only --diff-filter=d "$base" -- "$@"; git ls-files -o --exclude-standard -- "$@"; } | sort -u
}
