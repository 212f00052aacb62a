#!/usr/bin/env bash
# `make install`, `make back` and `make uninstall`:  scripts/install.sh install|back|uninstall   (places come from the
# Makefile)
#
# The program's environment is built beside the one in use and then takes its place in one rename, so that a failed
# install changes nothing and a running daemon keeps its files until it is restarted. The version before stays, to go
# back to.
set -euo pipefail
[ -z "${DESTDIR:-}" ] || DESTDIR=$(realpath --canonicalize-missing -- "$DESTDIR")
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

: "${PREFIX:?}" "${SYSCONFDIR:?}" "${STATEDIR:?}" "${BINDIR:?}" "${LIBDIR:?}"
DESTDIR=${DESTDIR:-} WITH=${WITH:-}
root=$DESTDIR$PREFIX
programs=(benchwipe benchwipe-uses benchwipe-clock benchwipe-collector)
declare -A module=([benchwipe]=agent.cli [benchwipe-uses]=drivers.drives.uses_helper
    [benchwipe-clock]=agent.certificates.clock_program [benchwipe-collector]=collector.cli)
units=(benchwipe.service benchwipe-uses.socket benchwipe-uses.service benchwipe-clock.socket benchwipe-collector.service
    benchwipe-broker.path)
# What stands in systemd/ and where it goes, under LIBDIR. systemd and udev read /usr/local/lib as they read /usr/lib.
declare -A data=(
    [benchwipe.service]=systemd/system/benchwipe.service
    [benchwipe-uses.socket]=systemd/system/benchwipe-uses.socket
    [benchwipe-uses.service]=systemd/system/benchwipe-uses.service
    [benchwipe-clock.socket]=systemd/system/benchwipe-clock.socket
    [benchwipe-clock@.service]=systemd/system/benchwipe-clock@.service
    [benchwipe-collector.service]=systemd/system/benchwipe-collector.service
    [benchwipe-broker.path]=systemd/system/benchwipe-broker.path
    [benchwipe-broker.service]=systemd/system/benchwipe-broker.service
    [benchwipe.sysusers.conf]=sysusers.d/benchwipe.conf
    [benchwipe.tmpfiles.conf]=tmpfiles.d/benchwipe.conf
    [benchwipe.modules.conf]=modules-load.d/benchwipe.conf
    [60-benchwipe.rules]=udev/rules.d/60-benchwipe.rules
)

# A station that was not given the collector's libraries gets nothing of the collector.
case ,$WITH, in
*,collector,*) services=(station collector) ;;
*) services=(station) ;;
esac

die() {
    printf 'benchwipe: %s\n' "$*" >&2
    exit 1
}

say() {
    printf 'benchwipe: %s\n' "$*"
}

# Nobody looks at a screen for two minutes without a word: a step that takes long says so every half minute. Nothing of
# it holds the lock or the screen of whoever waits for the end.
patiently() {
    local what=$1 since=$SECONDS
    shift
    { while sleep 30 >/dev/null 2>&1; do say "still $what, for $((SECONDS - since)) s now"; done; } 9<&- </dev/null &
    beat=$!
    "$@"
    hush
}

# Ctrl-C ends it too, and then there is nothing to kill: no reason to leave the rest of a trap undone.
hush() {
    [ -z "$beat" ] || kill "$beat" 2>/dev/null || true
    beat=''
}

# Only then is there a manager, and a udev, to tell.
live() {
    [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]
}

check_caller() {
    local place
    [ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] || die "this needs root: sudo make $1 (or DESTDIR=FOLDER, to make a package)"
    for place in "$PREFIX" "$SYSCONFDIR" "$STATEDIR" "$BINDIR" "$LIBDIR"; do
        case $place in
        *[[:space:]\&\|\\]* | *..*) die "the folder '$place' has a character that no unit can name; use letters, digits, - _ . /" ;;
        /?*) ;;
        *) die "the folder '$place' must begin with / and must not be / itself" ;;
        esac
    done
}

# The service user must be able to run it: not a Python in somebody's home, which the unit does not even see.
choose_python() {
    local candidate base
    for candidate in "${PYTHON:-python3}" /usr/bin/python3; do
        base=$("$candidate" -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys.base_prefix)' 2>/dev/null) || continue
        case $base in
        /root* | /home/* | /tmp/*) continue ;;
        esac
        "$candidate" -c 'import ensurepip' 2>/dev/null || "$candidate" -m pip --version >/dev/null 2>&1 || continue
        python=$candidate
        return
    done
    die "a system-wide Python 3.11 or newer with venv is needed: apt-get install python3 python3-venv"
}

# The program and each extra have a lock: what they need, file by file with its hash. `make lock` writes them.
choose_locks() {
    local extra
    locks=(--requirement=requirements/station.lock)
    for extra in ${WITH//,/ }; do
        [ -f "requirements/$extra.lock" ] && [ "$extra" != build ] && [ "$extra" != station ] ||
            die "there is no extra '$extra'; docs/dependencies.md lists them; nothing was changed"
        locks+=("--requirement=requirements/$extra.lock")
    done
}

# A copy of what the package is made of, so that root leaves nothing of its own in the checkout.
build_environment() {
    local source=$scratch/source pip
    mkdir "$source"
    tar --create --exclude=__pycache__ agent collector drivers firmware_bridge setup.cfg setup.py pyproject.toml README.md LICENSE |
        tar --extract --no-same-owner --directory="$source"
    # The copy has no git to ask.
    release=$("$python" -B -m agent.version)
    printf '%s\n' "$release" >"$source/agent/version.txt"
    # The system's pip where it can serve another environment (22.3): a station needs none of its own.
    "$python" -m venv --without-pip "$version"
    pip=("$python" -m pip --python "$version/bin/python")
    if ! "${pip[@]}" --version >/dev/null 2>&1; then
        "$version/bin/python" -m ensurepip >/dev/null
        pip=("$version/bin/python" -m pip)
    fi
    pip+=(install --quiet --disable-pip-version-check --no-input --root-user-action=ignore --retries 5 --timeout 30)
    "${pip[@]}" --require-hashes --only-binary=:all: "${locks[@]}" &&
        "${pip[@]}" --require-hashes --only-binary=:all: --target="$scratch/build" --requirement=requirements/build.lock &&
        PYTHONPATH=$scratch/build "${pip[@]}" --no-index --no-deps --no-build-isolation "$source" ||
        die "pip could not install benchwipe with ${WITH:-no extras}; nothing was changed"
}

# Programs that find their own environment: they run from DESTDIR, and from PREFIX once the package is unpacked.
# -I: neither the caller's folder nor his PYTHONPATH has a say in what erases drives.
write_programs() {
    local name
    for name in "${programs[@]}"; do
        cat >"$version/bin/$name" <<PROGRAM
#!/bin/sh
exec "\$(dirname -- "\$(readlink -f -- "\$0")")/python" -I -c 'import sys; sys.argv[0] = "$name"; from ${module[$name]} import main; sys.exit(main())' "\$@"
PROGRAM
        chmod 0755 "$version/bin/$name"
    done
}

# Absolute on a machine; relative under DESTDIR, so that the links hold there too. Through `current`, not past it.
link_program() {
    local target=$PREFIX/bin/$1
    [ -z "$DESTDIR" ] || target=$(realpath --no-symlinks --canonicalize-missing --relative-to="$DESTDIR$BINDIR" "$root/bin/$1")
    ln -sfn "../current/bin/$1" "$root/bin/$1"
    ln -sfn "$target" "$DESTDIR$BINDIR/$1"
}

# Everything that does not run must not stand in the place of what does.
try_environment() {
    (cd / && "$version/bin/benchwipe" --version >/dev/null) || die "the new environment does not run; nothing was changed"
}

swap() {
    local name
    [ ! -L "$root/current" ] || before=$(readlink -f -- "$root/current")
    point_to "$version"
    install -d "$root/bin" "$DESTDIR$BINDIR"
    for name in "${programs[@]}"; do
        link_program "$name"
    done
}

point_to() {
    ln -sfn "versions/${1##*/}" "$root/.current.new"
    mv --no-target-directory "$root/.current.new" "$root/current"
}

# The one before stays, and what a process still runs from: a daemon loads some modules only when it needs them.
remove_old_versions() {
    local old
    for old in "$root"/versions/*; do
        [ "$old" != "$version" ] && [ "$old" != "$before" ] || continue
        if grep -qsaF -- "${old#"$DESTDIR"}/" /proc/[0-9]*/cmdline; then
            say "kept ${old#"$DESTDIR"}: something runs from it"
            continue
        fi
        say "removing the old version ${old#"$DESTDIR"}"
        rm -rf -- "$old"
    done
}

# A version keeps its own units and rules beside it: who goes back to it goes back to them.
install_data() {
    local name
    install -d "$version/share/data"
    for name in "${!data[@]}"; do
        sed -e "s|/opt/benchwipe|$PREFIX|g" -e "s|/etc/benchwipe|$SYSCONFDIR|g" -e "s|/var/lib/benchwipe|$STATEDIR|g" \
            "systemd/$name" >"$version/share/data/$name"
    done
    place_data "$version"
    install -D -m 0644 -t "$root/share/doc" LICENSE docs/*.md
}

place_data() {
    local name
    for name in "${!data[@]}"; do
        [ ! -f "$1/share/data/$name" ] || install -D -m 0644 "$1/share/data/$name" "$DESTDIR$LIBDIR/${data[$name]}"
    done
}

# The example always; the configuration itself only where there is none.
install_configuration() {
    local name
    install -d -m 0755 "$DESTDIR$SYSCONFDIR"
    for name in "${services[@]}"; do
        [ -f "config/$name.example.toml" ] || continue
        # Relative names in it are relative to it, and the service may not write beside its configuration.
        sed -e "s|^stations_dir = \"stations\"|stations_dir = \"$STATEDIR-collector/stations\"|" \
            -e "s|sqlite:///collector.db|sqlite:///$STATEDIR-collector/collector.db|" \
            "config/$name.example.toml" >"$scratch/example"
        install -m 0644 "$scratch/example" "$DESTDIR$SYSCONFDIR/$name.example.toml"
        if [ -e "$DESTDIR$SYSCONFDIR/$name.toml" ]; then
            say "kept $SYSCONFDIR/$name.toml; the newest example is $SYSCONFDIR/$name.example.toml"
        else
            install -m 0640 "$scratch/example" "$DESTDIR$SYSCONFDIR/$name.toml"
        fi
    done
}

# Users first: the other two name them. Without them (a container without systemd) files stay root's.
settle() {
    [ -z "$DESTDIR" ] || return 0
    if command -v systemd-sysusers >/dev/null && systemd-sysusers "$LIBDIR/sysusers.d/benchwipe.conf"; then
        systemd-tmpfiles --create "$LIBDIR/tmpfiles.d/benchwipe.conf" || say "not every folder could be made: the reason stands above"
    else
        say "users were not made (no systemd-sysusers): the units need the users benchwipe and benchwipe-collector"
    fi
    live || return 0
    systemctl daemon-reload
    systemctl restart systemd-modules-load.service || say "a kernel module of modules-load.d is missing; see journalctl"
    { udevadm control --reload && udevadm trigger --subsystem-match=tty --subsystem-match=input --subsystem-match=usbmisc; } ||
        say "no udevd runs here: the names of devices come at the next boot"
}

do_install() {
    choose_python
    choose_locks
    [ "${services[*]}" = "station collector" ] || { programs=(benchwipe benchwipe-uses benchwipe-clock) && unset 'data[benchwipe-collector.service]' 'data[benchwipe-broker.path]' 'data[benchwipe-broker.service]'; }
    install -d "$root" "$root/versions"
    exec 9<"$root/versions"
    flock --nonblock 9 || die "another make install is at work in $root"
    version=$(mktemp --directory "$root/versions/$(date +%Y%m%d)-XXXXXX")
    chmod 0755 "$version"
    say "making a new version beside the one in use, with $("$python" --version); a minute or two, by the network"
    patiently "fetching and installing what it needs" build_environment
    say "trying whether the new version runs"
    write_programs
    try_environment
    say "putting units, rules and programs in their places"
    install_data
    install_configuration
    swap
    installed=yes
    settle
    remove_old_versions
    [ -z "$before" ] || [ ! -d "$before" ] || say "the version before stays: sudo make back puts it in the place of this one"
    say "installed $release in $PREFIX with ${WITH:-no extras}; nothing was started"
    say "next: edit $SYSCONFDIR/station.toml, then benchwipe check, then systemctl enable --now benchwipe"
    if live && systemctl --quiet is-active "${units[@]}"; then
        say "a running service keeps the old version until: systemctl restart benchwipe benchwipe-collector (when the bays are empty)"
    fi
}

# Configuration, ledger and key stay as they are; the two versions change places.
do_back() {
    local here other
    [ -d "$root/versions" ] || die "nothing is installed in $PREFIX"
    exec 9<"$root/versions"
    flock --nonblock 9 || die "a make install is at work in $root"
    here=$(readlink -f -- "$root/current")
    # shellcheck disable=SC2012  # the names are ours: a date and six letters
    other=$(ls -td -- "$root"/versions/* | { grep -vxF -- "$here" || true; } | head -n 1)
    [ -x "$other/bin/benchwipe" ] || die "there is no version before ${here##*/} to go back to"
    (cd / && "$other/bin/benchwipe" --version >/dev/null) || die "the version before does not run; nothing was changed"
    point_to "$other"
    place_data "$other"
    installed=yes
    say "$PREFIX/current is now ${other##*/}, $("$root/current/bin/benchwipe" --version); another make back undoes it"
    ! live || systemctl daemon-reload
    ! live || say "a running service keeps its version until: systemctl restart benchwipe (when the bays are empty)"
}

do_uninstall() {
    local name
    if live; then
        systemctl disable --now "${units[@]}" || say "no service was enabled"
    fi
    for name in "${programs[@]}"; do
        [ "$(readlink -f -- "$DESTDIR$BINDIR/$name")" != "$(readlink -f -- "$root/bin/$name")" ] || rm -f -- "$DESTDIR$BINDIR/$name"
    done
    for name in "${!data[@]}"; do
        rm -f -- "$DESTDIR$LIBDIR/${data[$name]}"
    done
    rm -rf -- "$root/versions" "$root/current" "$root/bin" "$root/share/doc"
    rmdir --ignore-fail-on-non-empty "$root/share" "$root" 2>/dev/null || true
    # Made by the service from the bays: without benchwipe those drives are again drives like others.
    [ "$SYSCONFDIR" != /etc/benchwipe ] || rm -f -- "$DESTDIR/etc/udev/rules.d/59-benchwipe-bays.rules"
    if live; then
        systemctl daemon-reload
        { udevadm control --reload && udevadm trigger --subsystem-match=block --action=change; } || say "no udevd runs here"
    fi
    say "removed from $PREFIX"
    say "kept: $STATEDIR and $STATEDIR-collector (ledger, key, certificates), $SYSCONFDIR (configuration), their users"
}

case ${1:-} in
install | back | uninstall) check_caller "$1" ;;
*) die "install, back or uninstall?" ;;
esac
umask 022
installed='' version='' before='' beat=''
scratch=$(mktemp --directory)
# A half-built version is taken away again.
trap 'hush; rm -rf -- "$scratch"; [ -n "$installed" ] || [ -z "$version" ] || rm -rf -- "$version"' EXIT
"do_$1"
