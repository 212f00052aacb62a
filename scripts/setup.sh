#!/usr/bin/env bash
# Make or refresh the virtual environment:  scripts/setup.sh VENV EXTRA
#
# EXTRA is `demo` or `dev` (which includes demo). Nothing is done when the environment was made from the same
# setup.cfg, in the same place, with the same Python. An environment that was left half made is made anew.
# Several makes at once wait for each other.
set -euo pipefail

venv=${1:?VENV is missing} extra=${2:?EXTRA is missing}
python=${PYTHON:-python3}
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

die() {
    printf 'benchwipe: %s\n' "$*" >&2
    exit 1
}

choose_python() {
    local candidate
    for candidate in "$python" python3.11 python3.12 python3.13; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$candidate
            return
        fi
    done
    die "Python 3.11 or newer is needed and $python is not; set PYTHON=/path/to/python3 (Debian: apt-get install python3)"
}

# What the environment depends on, besides setup.cfg and pyproject.toml. The folder is part of it: scripts in a moved environment point to the old place.
place() {
    printf '%s\n' "$(pwd -P)/$venv" "$("$python" -c 'import sys; print(sys.base_prefix, *sys.version_info[:2])')"
}

# demo is a part of dev, so an environment made for dev serves both.
ready() {
    local made
    "$venv/bin/python" -c '' 2>/dev/null || return 1
    for made in dev "$extra"; do
        [ "$(cat "$venv/.ready-$made" 2>/dev/null)" != "$fingerprint" ] || return 0
    done
    return 1
}

# Debian's python3 comes without ensurepip (package python3-venv). The system's pip can stand in for it; where
# that is absent too, root installs the package and anybody else is told which.
make_venv() {
    [ -w . ] || die "$(pwd) cannot be written to by $(id -un): clone it to a folder of yours"
    rm -rf -- "$venv" || die "$(pwd)/$venv cannot be removed by $(id -un): whoever made it must (make clean)"
    if ! "$python" -c 'import ensurepip' 2>/dev/null && ! "$python" -m pip --version >/dev/null 2>&1; then
        if [ "$(id -u)" != 0 ] || ! scripts/debian-packages.sh python3-venv; then
            die "Python's ensurepip and pip are both missing: install one (Debian: apt-get install python3-venv)"
        fi
    fi
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$venv"
        pip=("$venv/bin/python" -m pip)
    else
        "$python" -m venv --without-pip "$venv"
        pip=("$python" -m pip --python "$venv/bin/python")
    fi
}

install_extra() {
    "${pip[@]}" install --quiet --disable-pip-version-check --no-input --retries 5 --timeout 30 --editable ".[$extra]" ||
        die "pip could not install what benchwipe[$extra] needs; its reason stands above (no network? see PIP_INDEX_URL)"
}

# The lock is on a file that is always there, so that no lock file is left about.
exec 9<setup.cfg
flock --nonblock 9 || { echo "benchwipe: another make is setting up $venv; waiting" >&2 && flock 9; }

choose_python
base=$(place | sha256sum)
fingerprint=$({ place && cat setup.cfg pyproject.toml; } | sha256sum)
if ready; then
    exit 0
fi
echo "benchwipe: setting up $venv for $extra with $("$python" --version); about a minute" >&2
umask 022
# Only a whole environment is refreshed, and only one of this place and Python: `.ready-base` holds no setup.cfg.
if [ "$(cat "$venv/.ready-base" 2>/dev/null)" = "$base" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    pip=("$venv/bin/python" -m pip)
    rm -f -- "$venv"/.ready-*
else
    make_venv
fi
install_extra
for catalogues in agent.phrases collector.catalogues; do
    "$venv/bin/python" -m "$catalogues" || die "the catalogues of $catalogues could not be compiled; the reason stands above"
done
printf '%s\n' "$base" >"$venv/.ready-base"
printf '%s\n' "$fingerprint" >"$venv/.ready-$extra"
