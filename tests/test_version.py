"""The version: from tags of git in a checkout, from what was written at the build everywhere else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from agent.version import UNKNOWN, version_of
from tests.patience import PROGRAM_S

REPOSITORY = Path(__file__).resolve().parents[1]

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is missing")


def git(tree: Path, *words: str) -> str:
    person = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "tag.gpgsign=false",
    ]
    done = subprocess.run(
        ["git", "-C", str(tree), *person, *words], capture_output=True, text=True, timeout=PROGRAM_S, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one commit, and no tag, that holds what a version is told by."""
    tree = tmp_path / "checkout"
    (tree / "agent").mkdir(parents=True)
    for name in (
        "agent/__init__.py",
        "agent/version.py",
        "setup.cfg",
        "setup.py",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ):
        shutil.copy(REPOSITORY / name, tree / name)
    text = (tree / "setup.cfg").read_text("utf-8")
    packages = text[text.index("packages =") : text.index("install_requires")]
    (tree / "setup.cfg").write_text(text.replace(packages, "packages = agent\n"), "utf-8")
    (tree / ".gitignore").write_text("build/\n*.egg-info/\n")
    git(tree, "init", "--quiet")
    git(tree, "add", ".")
    git(tree, "commit", "--quiet", "-m", "one")
    return tree


def commit(tree: Path) -> str:
    return git(tree, "rev-parse", "--short=8", "HEAD")


@needs_git
def test_a_tag_is_the_version_and_what_follows_it_is_on_the_way_to_the_next(checkout: Path) -> None:
    assert version_of(checkout) == f"0.1.0.dev1+g{commit(checkout)}"
    git(checkout, "tag", "v1.2.3")
    assert version_of(checkout) == "1.2.3"
    git(checkout, "tag", "a-note-of-somebody")
    assert version_of(checkout) == "1.2.3"
    git(checkout, "commit", "--quiet", "--allow-empty", "-m", "two")
    assert version_of(checkout) == f"1.2.4.dev1+g{commit(checkout)}"
    git(checkout, "tag", "--annotate", "v1.3.0", "-m", "v1.3.0")
    assert version_of(checkout) == "1.3.0"


@needs_git
def test_a_change_that_is_in_no_commit_is_never_called_a_release(checkout: Path) -> None:
    git(checkout, "tag", "v1.2.3")
    (checkout / "README.md").write_text("changed\n")
    assert version_of(checkout) == f"1.2.4.dev0+g{commit(checkout)}.dirty"


@needs_git
@pytest.mark.parametrize("tag", ["v1.2", "v1.2.3-rc1", "v1.2.3rc1", "v1.2.x", "version-1.2.3", "v1.2.3.4"])
def test_a_tag_that_is_no_version_is_left_alone(checkout: Path, tag: str) -> None:
    git(checkout, "tag", tag)
    assert version_of(checkout).startswith("0.1.0.dev1+g")


@needs_git
def test_a_folder_in_somebody_elses_repository_has_none_of_its_versions(checkout: Path) -> None:
    git(checkout, "tag", "v9.9.9")
    inner = checkout / "vendor"
    inner.mkdir()
    assert version_of(inner) == UNKNOWN


@needs_git
def test_git_of_another_repository_in_the_environment_is_not_asked(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(checkout, "tag", "v1.2.3")
    monkeypatch.setenv("GIT_DIR", str(REPOSITORY / ".git"))
    assert version_of(checkout) == "1.2.3"


def test_without_git_it_is_unknown_and_not_an_error(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert version_of(checkout) == UNKNOWN


@needs_git
def test_a_source_archive_carries_the_version_of_its_commit(checkout: Path, tmp_path: Path) -> None:
    """With the hook that pip calls. The wheel is looked into where a whole release is made."""
    pytest.importorskip("setuptools", reason="setuptools is not in this environment")
    git(checkout, "tag", "v1.2.3")
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    words = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(words, cwd=checkout, capture_output=True, timeout=PROGRAM_S, check=True)
    with tarfile.open(tmp_path / "benchwipe-1.2.3.tar.gz") as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    assert version_of(tmp_path / "unpacked/benchwipe-1.2.3") == "1.2.3"
    assert not (checkout / "agent/version.txt").exists()
