"""docs/install.md in a clean Debian: its commands, typed by an ordinary user, under systemd and the shipped units."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.certificates.attestation import QUESTIONS
from tests.installing.conftest import ASKED, LoopDrive, lacking, suites
from tests.installing.container import Container, Terminal, booted
from tests.installing.pages import commands
from tests.installing.roots import NoRoot, clean, run

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not suites(), reason=f"a clean Debian takes minutes: `make prove-install` sets {ASKED}"),
    pytest.mark.skipif(bool(lacking()), reason=f"no clean root can be made here: {lacking()}"),
]
ADDRESS = "<the project's address>"
HERE = "/srv/benchwipe.git"
NAMES = {"bookworm": "12", "trixie": "13"}
STATE = "/var/lib/benchwipe"
UNVERSIONED = "67ebe34"
"""The commit before the first that takes its version from tags: what stations have that were installed so far."""


@contextlib.contextmanager
def station(suite: str, upstream: Path) -> Iterator[tuple[Container, Terminal]]:
    """A clean Debian that has booted, and a person at its terminal."""
    with contextlib.ExitStack() as all_of_it:
        try:
            container = all_of_it.enter_context(booted(all_of_it.enter_context(clean(suite)), upstream))
        except NoRoot as error:
            pytest.skip(f"no Debian starts in a folder here: {error}")
        yield container, all_of_it.enter_context(container.terminal())


@pytest.mark.parametrize("suite", suites())
def test_the_six_commands_of_the_page_erase_a_first_drive(suite: str, upstream: Path, drive: LoopDrive) -> None:
    update, packages, clone, install, learn, erase = commands("install.md")
    with station(suite, upstream) as (container, person):
        assert f'VERSION_ID="{NAMES[suite]}"' in container.root_says("cat /etc/os-release")
        person.do(update)
        person.do(packages, {r"Do you want to continue\? \[Y/n\]": "y"})
        person.do(clone.replace(ADDRESS, HERE))
        said = person.do(install)
        assert "nothing was started" in said
        person.do(learn, {"A1": lambda: drive.plug_into(container), "A2": "done"})
        wait_active(container)
        person.do(erase.replace("/dev/sdX", drive.device), {"Type YES to erase them": "YES"})
        assert drive.contents().count(0) == len(drive.contents())
        the_station_is_whole(container, person, certificates=1)
        uninstalling_leaves_what_is_proof(container, person)


@pytest.mark.parametrize("suite", suites())
def test_a_station_is_upgraded_and_goes_back_and_keeps_all_of_its_proof(suite: str, upstream: Path) -> None:
    """From the version before to this one by the page, back by the page, up again, and away."""
    newest, before = point_upstream_at_the_version_before(upstream)
    with station(suite, upstream) as (container, person):
        container.root_says("mkdir -p /media/usb; (umask 077; echo four words are better >/root/backup.passphrase)")
        person.do(commands("install.md")[0])
        person.do(commands("install.md")[1], {r"Do you want to continue\? \[Y/n\]": "y"})
        person.do(commands("install.md")[2].replace(ADDRESS, HERE))
        # Where no udevd runs, an older `make install` says so with its status, after all is done.
        person.run(commands("install.md")[3])
        person.do("sudo systemctl enable --now benchwipe")
        attest(container, person)
        old = kept(container)
        person.do(commands("operate.md", "Backup and restore")[0])

        git(upstream, "update-ref", "refs/heads/main", newest)
        for line in commands("install.md", "Newer version"):
            person.do(line)
        wait_active(container)
        assert old.items() <= kept(container).items()
        attest(container, person)
        tells_one_story(container, person, certificates=2)
        new = kept(container)

        back = commands("operate.md", "Back to the version before")
        for line in (back[0], *back[3:5], back[2]):
            person.run(line.replace("v1.2.3", before))
        assert kept(container) == new
        if container.root_says("systemctl is-active benchwipe || true").strip() != "active":
            for line in back[5:]:
                asked = {"Passphrase": "four words are better"} if "restore" in line else {}
                person.do(line.replace("bench-01-000123", "bench-01-000002"), asked)
        wait_active(container)
        assert old.items() <= kept(container).items()
        attest(container, person)

        # An older `make install` leaves no version but its own: `back` has one to go to after two of today's.
        person.do(f"git -C benchwipe checkout {newest}")
        for line in (back[4], back[4], *back[:3]):
            person.do(line)
        wait_active(container)
        assert newest[:8] in container.root_says("benchwipe --version")
        attest(container, person)
        person.do("sudo benchwipe ledger check")
        uninstalling_leaves_what_is_proof(container, person)


def point_upstream_at_the_version_before(upstream: Path) -> tuple[str, str]:
    """Let `git clone` get the version before this one: the newest tag behind it, else the last without any version."""
    newest = git(upstream, "rev-parse", "refs/heads/main")
    tags = git(upstream, "tag", "--merged", f"{newest}~1", "--list", "v*", "--sort=-version:refname").split()
    before = git(upstream, "rev-parse", f"{tags[0] if tags else UNVERSIONED}^{{commit}}")
    git(upstream, "update-ref", "refs/heads/main", before)
    return newest, before


def git(upstream: Path, *words: str) -> str:
    return run("git", "-c", "safe.directory=*", "-C", upstream, *words).strip()


def attest(container: Container, person: Terminal) -> None:
    """Certify a phone: a certificate without a drive."""
    checks = " ".join(f"--yes-to {check}" for check in QUESTIONS)
    person.do(f"sudo benchwipe attest --imei 490154203237518 --asset K-1 --operator ida {checks}")
    wait_active(container)


def tells_one_story(container: Container, person: Terminal, *, certificates: int) -> None:
    """Ledger and files agree, on so many certificates, and each one of them is genuine."""
    told = json.loads(between(person.do("sudo benchwipe ledger check --json")))
    assert (told["agree"], told["certificates"], told["conflicts"]) == (True, certificates, [])
    person.do("sudo benchwipe key show > station.jwk")
    files = container.root_says(f"ls {STATE}/certificates/*.jws").split()
    assert len(files) == certificates
    for file in files:
        person.do(f"sudo benchwipe certificate verify {file} --key station.jwk")


def wait_active(container: Container) -> None:
    shown = container.root_says("systemctl show benchwipe -p ActiveState -p SubState -p UnitFileState -p User")
    assert set(shown.split()) == {"ActiveState=active", "SubState=running", "UnitFileState=enabled", "User=benchwipe"}
    assert container.root_says("systemctl is-failed benchwipe || true").strip() == "active"


def the_station_is_whole(container: Container, person: Terminal, *, certificates: int) -> None:
    """What is certified is told as one story, by the version that runs, and the daemon lives."""
    tells_one_story(container, person, certificates=certificates)
    version = container.root_says("benchwipe --version").split()[1]
    newest = json.loads(
        container.root_says(f"benchwipe certificate show --json $(ls -t {STATE}/certificates/*.jws | head -1)")
    )
    assert newest["outcome"] == "erased"
    assert newest["station"]["software"]["version"] == version
    wait_active(container)


def between(said: str) -> str:
    """Cut the document out of what a terminal shows: the command, then it, then the prompt."""
    return said[said.index("{") : said.rindex("}") + 1]


def kept(container: Container) -> dict[str, str]:
    """What must outlive everything: each file of proof, and its hash."""
    proof = "station.key station.jwk certificates /etc/benchwipe/station.toml"
    script = f"cd {STATE} && find {proof} -type f | sort | xargs sha256sum"
    return {name: digest for digest, name in (line.split() for line in container.root_says(script).splitlines())}


def uninstalling_leaves_what_is_proof(container: Container, person: Terminal) -> None:
    before = kept(container)
    rows = container.root_says(f"benchwipe ledger check --json --state-dir {STATE}")
    person.do("sudo make -C benchwipe uninstall")
    assert kept(container) == before
    assert container.root_says("ls /opt/benchwipe /usr/local/bin/benchwipe 2>/dev/null || true") == ""
    assert (
        re.fullmatch(r"(not-found|inactive)\s*", container.root_says("systemctl is-active benchwipe || true"))
        is not None
    )
    left = container.root_says("find /usr/local/lib /etc/udev /etc/systemd -iname '*benchwipe*'")
    assert left == ""
    person.do("sudo make -C benchwipe install")
    assert container.root_says(f"benchwipe ledger check --json --state-dir {STATE}") == rows
