"""`make release`: a wheel, a source archive, their parts list and checksums, from the commit that is checked out.

Built of what git has of the commit and nothing else, by the locked setuptools, with the commit's time as the time of
every file: whoever builds the same commit gets the same bytes. SOURCE_DATE_EPOCH overrides the time.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from agent.version import WRITTEN, version_of
from release import lockfile, sbom
from release.lockfile import REPOSITORY

TIMEOUT_S = 600
BUILD = "import sys; from setuptools import build_meta; sys.exit(not build_meta.build_{what}(sys.argv[1]))"
SUMS = "SHA256SUMS"


def main(words: list[str]) -> int:
    """Build into the folder that is named, `dist` without one."""
    out = Path(words[0]) if words else REPOSITORY / "dist"
    os.umask(0o022)
    if changed := _run("git", "status", "--porcelain", "--untracked-files=no").splitlines():
        sys.exit(
            f"benchwipe: {len(changed)} files differ from the commit ({changed[0][3:]}): commit or stash them first"
        )
    epoch = _epoch()
    with tempfile.TemporaryDirectory(prefix="benchwipe-release-") as name:
        scratch = Path(name)
        source = _sources(scratch)
        version = version_of(source)
        _refuse_unexplained(version, source)
        made = scratch / "made"
        made.mkdir()
        _build(scratch, source, made, epoch)
        locks = [lockfile.read(lock, source / "requirements") for lock in lockfile.wanted(source)]
        (made / f"benchwipe-{version}.cdx.json").write_bytes(sbom.document(version, locks, epoch))
        sums = "".join(f"{_sha256(file)}  {file.name}\n" for file in sorted(made.iterdir()))
        (made / SUMS).write_text(sums, "ascii")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(made, out)
    sys.stdout.write(sums)
    if ".dev" in version:
        sys.stderr.write(f"benchwipe: {version} is no release: the commit has no tag (git tag v1.2.3)\n")
    return 0


def _run(*command: str, cwd: Path = REPOSITORY, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        told = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        sys.exit(f"benchwipe: {' '.join(command[:3])}: {told[-1]}")
    return done.stdout


def _epoch() -> int:
    given = os.environ.get("SOURCE_DATE_EPOCH") or _run("git", "log", "-1", "--format=%ct").strip()
    if not given.isdigit():
        sys.exit(f"benchwipe: SOURCE_DATE_EPOCH is {given!r}; it must be a number of seconds since 1970")
    # A zip file knows no time before 1980.
    return max(int(given), 315532800)


def _refuse_unexplained(version: str, source: Path) -> None:
    """Whoever gets a version is told what is new in it."""
    if ".dev" not in version and f"\n## {version}" not in (source / "CHANGELOG.md").read_text("utf-8"):
        sys.exit(f"benchwipe: CHANGELOG.md has no section '## {version}': write down what is new first")


def _sources(scratch: Path) -> Path:
    """Lay out what git has of the commit, its version, and the catalogues that are compiled from it."""
    source = scratch / "source"
    source.mkdir()
    archive = scratch / "commit.tar"
    _run("git", "archive", "--format=tar", f"--output={archive}", "HEAD")
    with tarfile.open(archive) as tar:
        tar.extractall(source, filter="data")
    (source / "agent" / WRITTEN).write_text(f"{version_of(REPOSITORY)}\n", "ascii")
    _run(sys.executable, "-B", "-P", "-m", "agent.phrases", cwd=source, environment={**os.environ, "PYTHONPATH": "."})
    return source


def _build(scratch: Path, source: Path, made: Path, epoch: int) -> None:
    tools = scratch / "tools"
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--only-binary=:all:"]
    _run(*pip, f"--target={tools}", "--require-hashes", "--requirement", str(source / "requirements" / "build.lock"))
    environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    environment |= {"PYTHONPATH": str(tools), "SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0", "TZ": "UTC"}
    environment |= {"LC_ALL": "C.UTF-8"}
    for what in ("sdist", "wheel"):
        # Each from its own copy: what one leaves behind is no part of the other.
        copy = scratch / what
        shutil.copytree(source, copy)
        _run(sys.executable, "-B", "-c", BUILD.format(what=what), str(made), cwd=copy, environment=environment)
    (archive,) = made.glob("*.tar.gz")
    archive.write_bytes(settled(archive.read_bytes(), epoch))


def settled(archive: bytes, epoch: int) -> bytes:
    """Pack a tar.gz anew: sorted, of nobody, all of one time, with the two modes that git knows."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as old,
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=9, mtime=epoch) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda one: one.name):
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = epoch
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
    return packed.getvalue()


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
