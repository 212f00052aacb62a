"""`make release`: the same bytes twice, of what git has of a commit, and a parts list that says what the locks say."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from agent.version import version_of
from release import lockfile
from tests.patience import PROGRAM_S

REPOSITORY = Path(__file__).resolve().parents[1]
needs_git = pytest.mark.skipif(
    shutil.which("git") is None or not (REPOSITORY / ".git").exists(), reason="no git, or this is no checkout"
)


def git(tree: Path, *words: str) -> None:
    person = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", str(tree), *person, *words], capture_output=True, timeout=PROGRAM_S, check=True)


def release(tree: Path, out: Path, *, umask: int = 0o022, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "release.build", str(out)],
        cwd=tree,
        env={**os.environ, **environment},
        umask=umask,
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this commit, as the one commit of a checkout of their own, with a tag."""
    tree = tmp_path_factory.mktemp("release") / "checkout"
    tree.mkdir()
    packed = subprocess.run(
        ["git", "archive", "HEAD"], cwd=REPOSITORY, capture_output=True, timeout=PROGRAM_S, check=True
    )
    subprocess.run(["tar", "--extract"], cwd=tree, input=packed.stdout, timeout=PROGRAM_S, check=True)
    with (tree / "CHANGELOG.md").open("a") as file:
        file.write("\n## 3.2.1\n")
    git(tree, "init", "--quiet")
    git(tree, "add", "--all", "--force")
    git(tree, "commit", "--quiet", "--message", "one")
    git(tree, "tag", "v3.2.1")
    return tree


@needs_git
def test_a_release_comes_out_the_same_twice_and_is_the_commit_and_nothing_else(checkout: Path, tmp_path: Path) -> None:
    """In two folders, at two times, by people with other umasks, languages and time zones."""
    first = release(checkout, tmp_path / "first", umask=0o077, TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="1")
    if "Connection" in first.stderr or "No matching distribution" in first.stderr:
        pytest.skip(f"no package index can be reached: {first.stderr.strip()[-100:]}")
    assert (first.returncode, first.stderr) == (0, "")
    moved = tmp_path / "elsewhere"
    shutil.copytree(checkout, moved)
    (moved / "agent" / "stray.py").write_text("raise SystemExit('not of the commit')\n")
    second = release(moved, tmp_path / "second", umask=0o002, TZ="UTC", LC_ALL="C.UTF-8", PYTHONHASHSEED="2")
    assert (second.returncode, second.stdout) == (0, first.stdout)
    made = {file.name: file.read_bytes() for file in (tmp_path / "first").iterdir()}
    assert made == {file.name: file.read_bytes() for file in (tmp_path / "second").iterdir()}
    wheel, archive, parts = "benchwipe-3.2.1-py3-none-any.whl", "benchwipe-3.2.1.tar.gz", "benchwipe-3.2.1.cdx.json"
    assert set(made) == {wheel, archive, parts, "SHA256SUMS"}
    summed = {line[66:]: line[:64] for line in made["SHA256SUMS"].decode().splitlines()}
    assert summed == {name: hashlib.sha256(made[name]).hexdigest() for name in (wheel, archive, parts)}
    look_into_wheel(tmp_path / "first" / wheel)
    look_into_archive(checkout, tmp_path / "first" / archive)
    look_into_parts(json.loads(made[parts]))


def look_into_wheel(file: Path) -> None:
    with zipfile.ZipFile(file) as wheel:
        names = set(wheel.namelist())
        assert wheel.read("agent/version.txt") == b"3.2.1\n"
    assert "agent/stray.py" not in names
    assert not [name for name in names if name.startswith(("tests/", "release/", "setup"))]
    for name in ("agent/phrases/locale/da/LC_MESSAGES/benchwipe.mo", "agent/cli.py", "collector/cli.py"):
        assert name in names


def look_into_archive(checkout: Path, file: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    with tarfile.open(file) as archive:
        members = {member.name.partition("/")[2]: member for member in archive.getmembers()}
        archive.extractall(file.parent.parent / "unpacked", filter="data")
    assert {(m.uid, m.uname, m.mode & 0o7022) for m in members.values()} == {(0, "", 0)}
    assert [name for name in tracked if name and not name.startswith(".git") and name not in members] == []
    assert version_of(file.parent.parent / "unpacked" / "benchwipe-3.2.1") == "3.2.1"
    assert members["scripts/install.sh"].mode & 0o100


def look_into_parts(parts: dict[str, object]) -> None:
    """Every package of every lock, its version and the hash of each of its files; and who wants whom."""
    assert (parts["bomFormat"], parts["specVersion"]) == ("CycloneDX", "1.6")
    components, arrows = parts["components"], parts["dependencies"]
    assert isinstance(components, list)
    assert isinstance(arrows, list)
    found = {
        (part["name"], part["version"]): {file["name"]: file["hashes"][0]["content"] for file in part["components"]}
        for part in components
    }
    locks = [lockfile.read(name) for name in lockfile.wanted() if name != "build"]
    assert found == {(pin.name, pin.version): dict(pin.files) for lock in locks for pin in lock.pins}
    refs = [part["bom-ref"] for part in components]
    assert len(set(refs)) == len(refs)
    assert {arrow["ref"] for arrow in arrows} == {"pkg:pypi/benchwipe@3.2.1", *refs}
    assert {ref for arrow in arrows for ref in arrow["dependsOn"]} == set(refs)


@needs_git
def test_what_is_in_no_commit_is_not_released(checkout: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(checkout, changed)
    (changed / "README.md").write_text("changed\n")
    done = release(changed, tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr == "benchwipe: 1 files differ from the commit (README.md): commit or stash them first\n"
    assert not (tmp_path / "out").exists()


@needs_git
def test_a_version_that_nobody_explained_is_not_released(checkout: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    shutil.copytree(checkout, silent)
    git(silent, "commit", "--quiet", "--allow-empty", "--message", "two")
    git(silent, "tag", "v3.3.0")
    done = release(silent, tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr == "benchwipe: CHANGELOG.md has no section '## 3.3.0': write down what is new first\n"


@needs_git
@pytest.mark.parametrize("epoch", ["yesterday", "-1", "1.5"])
def test_a_time_that_is_none_is_refused(checkout: Path, tmp_path: Path, epoch: str) -> None:
    done = release(checkout, tmp_path / "out", SOURCE_DATE_EPOCH=epoch)
    assert done.returncode == 1
    assert done.stderr == f"benchwipe: SOURCE_DATE_EPOCH is {epoch!r}; it must be a number of seconds since 1970\n"
