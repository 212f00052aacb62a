#!/usr/bin/env bash
# Install Debian packages where they are missing:  scripts/debian-packages.sh PACKAGE...
#
# As root they are installed; anybody else is told which are missing. Exit status 0 only if all are there at the
# end. Never asks, never waits for ever, and does nothing where there is no apt.
set -uo pipefail

# Bounded: a mirror that hangs must not hang the tests.
apt=(timeout --kill-after=30 600 apt-get --quiet=2 --no-install-recommends
    -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=180)
export DEBIAN_FRONTEND=noninteractive

missing_of() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "benchwipe: this is no Debian; some tests need what its packages hold: $*" >&2
    exit 1
fi
mapfile -t missing < <(missing_of "$@")
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "benchwipe: Debian packages that are missing: ${missing[*]} (as root: apt-get install ${missing[*]})" >&2
    exit 1
fi

echo "benchwipe: installing ${missing[*]} with apt-get" >&2
log=$(mktemp) && trap 'rm -f -- "$log"' EXIT
"${apt[@]}" update >"$log" 2>&1 || echo "benchwipe: apt-get update failed: $(grep -m1 '^[EW]:' "$log")" >&2
if ! "${apt[@]}" --yes install "${missing[@]}" >"$log" 2>&1 </dev/null; then
    # One package that the mirror does not have must not keep out the others.
    for package in "${missing[@]}"; do
        "${apt[@]}" --yes install "$package" >"$log" 2>&1 </dev/null ||
            echo "benchwipe: apt-get could not install $package: $(grep -m1 '^E:' "$log")" >&2
    done
fi
[ -z "$(missing_of "$@")" ]
