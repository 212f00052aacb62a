"""`make install` and `make uninstall`, for real, under DESTDIR."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.patience import PROGRAM_S
from tests.systemd.conftest import REPOSITORY, Installed

LIB = "usr/local/lib"
COLLECTORS = (
    f"{LIB}/systemd/system/benchwipe-collector.service",
    f"{LIB}/systemd/system/benchwipe-broker.path",
    f"{LIB}/systemd/system/benchwipe-broker.service",
)
DATA = (
    f"{LIB}/systemd/system/benchwipe.service",
    f"{LIB}/systemd/system/benchwipe-uses.service",
    f"{LIB}/systemd/system/benchwipe-uses.socket",
    f"{LIB}/systemd/system/benchwipe-clock.socket",
    f"{LIB}/systemd/system/benchwipe-clock@.service",
    f"{LIB}/sysusers.d/benchwipe.conf",
    f"{LIB}/tmpfiles.d/benchwipe.conf",
    f"{LIB}/modules-load.d/benchwipe.conf",
    f"{LIB}/udev/rules.d/60-benchwipe.rules",
)


def test_the_installed_program_runs_far_from_the_checkout_and_obeys_no_pythonpath(
    installed: Installed, tmp_path: Path
) -> None:
    hostile = tmp_path / "agent"
    hostile.mkdir()
    (hostile / "__init__.py").write_text("raise SystemExit('the wrong agent')", encoding="utf-8")
    done = subprocess.run(
        [str(installed.destdir / "usr/local/bin/benchwipe"), "--version"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("benchwipe")


def test_a_station_without_the_collectors_libraries_gets_no_collector(installed: Installed) -> None:
    assert [name for name in COLLECTORS if (installed.destdir / name).exists()] == []
    assert not (installed.destdir / "usr/local/bin/benchwipe-collector").is_symlink()


def test_nothing_points_to_the_checkout_or_past_current(installed: Installed) -> None:
    link = os.readlink(installed.destdir / "usr/local/bin/benchwipe")
    assert link == "../../../opt/benchwipe/bin/benchwipe"
    assert not list((installed.destdir / "opt/benchwipe/current/").glob("lib/python3*/site-packages/*editable*"))
    for name in DATA:
        assert str(REPOSITORY) not in (installed.destdir / name).read_text(encoding="utf-8")


def test_a_second_install_keeps_what_the_operator_wrote_and_the_version_before(installed: Installed) -> None:
    config = installed.destdir / "etc/benchwipe/station.toml"
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    config.write_text("# mine\n", encoding="utf-8")
    current, older = (
        installed.destdir / "opt/benchwipe/current",
        installed.destdir / "opt/benchwipe/versions/20200101-oldest",
    )
    before = current.resolve()
    older.mkdir(exist_ok=True)
    done = installed.make("install")
    assert done.returncode == 0, done.stderr
    assert config.read_text(encoding="utf-8") == "# mine\n"
    assert "kept /etc/benchwipe/station.toml" in done.stdout
    example = (REPOSITORY / "config/station.example.toml").read_text(encoding="utf-8")
    assert (installed.destdir / "etc/benchwipe/station.example.toml").read_text(encoding="utf-8") == example
    after = current.resolve()
    assert {*(installed.destdir / "opt/benchwipe/versions").iterdir()} == {before, after} != {after}
    said = [line for line in done.stdout.splitlines() if line.startswith("benchwipe: ")]
    assert len(said) >= 6  # one sentence for each step
    assert "benchwipe: removing the old version /opt/benchwipe/versions/20200101-oldest" in said
    for place in (before, after):  # back, and back again
        done = installed.make("back")
        assert (done.returncode, current.resolve()) == (0, place), done.stderr
    assert config.read_text(encoding="utf-8") == "# mine\n"


def test_a_relative_destdir_is_one_from_where_make_stands(tmp_path: Path) -> None:
    """Over a tree that looks as after two installs."""
    root = tmp_path / "opt/benchwipe"
    for name in ("1", "2"):
        program = root / "versions" / name / "bin/benchwipe"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho version {name}\n", encoding="utf-8")
        program.chmod(0o755)
        (root / "versions" / name / "share/data").mkdir(parents=True)
        (root / "versions" / name / "share/data/benchwipe.service").write_text(name, encoding="utf-8")
    (root / "current").symlink_to("versions/2")
    station = Installed(Path(os.path.relpath(tmp_path, REPOSITORY)))
    done = station.make("back")
    assert (done.returncode, (root / "current").resolve().name) == (0, "1"), done.stderr
    assert "version 1" in done.stdout
    assert (tmp_path / LIB / "systemd/system/benchwipe.service").read_text("utf-8") == "1"  # with its own units
    done = station.make("uninstall")
    assert (done.returncode, root.exists()) == (0, False), done.stderr
    done = station.make("back")
    assert (done.returncode != 0, done.stderr.startswith("benchwipe: nothing is installed in /opt/benchwipe")) == (
        True,
        True,
    )


@pytest.mark.parametrize("extras", ["no-such-extra", "docks", "docks,build"])
def test_a_failed_install_leaves_the_old_version_running(installed: Installed, extras: str) -> None:
    """Of an extra that is none, and of one that cannot be had without an index."""
    before = (installed.destdir / "opt/benchwipe/current").resolve()
    done = subprocess.run(
        [
            "make",
            "--silent",
            "install",
            f"DESTDIR={installed.destdir}",
            f"WITH={extras}",
            "PIP_NO_INDEX=1",
            "PIP_FIND_LINKS=/nonexistent",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    assert done.returncode != 0
    assert "nothing was changed" in done.stderr
    assert before in list((installed.destdir / "opt/benchwipe/versions").iterdir())


def test_uninstall_takes_the_program_and_keeps_ledger_key_certificates_and_configuration(tmp_path: Path) -> None:
    """Over a tree that looks as after an install: building a second environment would only cost time."""
    kept = [tmp_path / name for name in ("var/lib/benchwipe/signing.key", "etc/benchwipe/station.toml")]
    gone = [tmp_path / name for name in (*COLLECTORS, *DATA, "opt/benchwipe/versions/1/bin/benchwipe")]
    for file in (*kept, *gone):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x", encoding="utf-8")
    (tmp_path / "opt/benchwipe/current").symlink_to("versions/1")
    (tmp_path / "opt/benchwipe/bin").mkdir()
    (tmp_path / "opt/benchwipe/bin/benchwipe").symlink_to("../current/bin/benchwipe")
    (tmp_path / "usr/local/bin").mkdir()
    (tmp_path / "usr/local/bin/benchwipe").symlink_to("../../../opt/benchwipe/bin/benchwipe")
    done = Installed(tmp_path).make("uninstall")
    assert done.returncode == 0, done.stderr
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file() or p.is_symlink()) == sorted(kept)
    assert not (tmp_path / "opt/benchwipe").exists()
    assert "kept: /var/lib/benchwipe" in done.stdout


def test_without_root_and_destdir_it_says_so_in_one_line(tmp_path: Path) -> None:
    ordinary = tmp_path / "id"
    ordinary.write_text("#!/bin/sh\necho 1000\n", encoding="utf-8")
    ordinary.chmod(0o755)
    done = subprocess.run(
        ["make", "--silent", "install"],
        cwd=REPOSITORY,
        env={"PATH": f"{tmp_path}:{os.defpath}"},
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    assert done.returncode != 0
    assert (
        done.stderr.splitlines()[0]
        == "benchwipe: this needs root: sudo make install (or DESTDIR=FOLDER, to make a package)"
    )


@pytest.mark.parametrize("prefix", ["/opt/with space", "opt", "/", "/opt/../etc", "/opt/a|b"])
def test_a_folder_that_no_unit_can_name_is_refused(tmp_path: Path, prefix: str) -> None:
    done = subprocess.run(
        ["make", "--silent", "install", f"DESTDIR={tmp_path}", f"PREFIX={prefix}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    assert done.returncode != 0
    assert f"the folder '{prefix}'" in done.stderr
    assert not list(tmp_path.iterdir())
