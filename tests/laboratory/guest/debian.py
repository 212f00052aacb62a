"""Debian's packages for an architecture: found and fetched by apt, unpacked, never installed."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.laboratory.guest.tools import BenchLacks, CannotDownload, run

LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "*/gconv", "*/udev/hwdb.d")
BOUNDED = ("-o", "Acquire::Retries=3", "-o", "Acquire::http::Timeout=30")
DOWNLOAD_TIMEOUT_S = 120.0
CONFIGURATION = """
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Cache::pkgcache "pkgcache.bin";
"""


class Apt:
    """apt for one architecture. Another than this machine's has lists of its own in `cache`, from the same mirrors:

    this machine's dpkg is not told of it.
    """

    def __init__(self, architecture: str, cache: Path) -> None:
        self._options = [*BOUNDED]
        self._folder: Path | None = None
        if architecture == run(["dpkg", "--print-architecture"]).strip():
            return
        self._folder = folder = cache / f"apt-{architecture}"
        for name in ("state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()  # nothing is installed: whatever is asked for comes with all that it needs
        (folder / "apt.conf").write_text(CONFIGURATION.format(architecture=architecture, folder=folder))
        self._options += ["-c", str(folder / "apt.conf")]

    @property
    def foreign(self) -> bool:
        """Whether it is another architecture than this machine's."""
        return self._folder is not None

    def kernel(self, meta: str) -> str:
        """The kernel's package that the meta package stands for."""
        names = self._depends(meta)
        if not names:
            self.update()  # an image of Debian comes without lists
            names = self._depends(meta)
        if not names:
            raise CannotDownload(f"apt knows no {meta}; apt-get update, or another mirror?")
        return names[0]

    def update(self) -> None:
        """What the mirrors have now."""
        try:
            run(["apt-get", "--quiet=2", *self._options, "update"], timeout=DOWNLOAD_TIMEOUT_S, ok=True)
        except BenchLacks as error:
            raise CannotDownload(str(error)) from None

    def fetch(self, folder: Path, package: str) -> Path:
        """A package, without what it needs; its archive in `folder`."""
        self._again(["download", package], folder)
        return next(folder.glob("*.deb"))

    def fetch_all(self, packages: Sequence[str]) -> list[Path]:
        """The archives of packages and of all that they need; only where `foreign`: nothing is installed there."""
        assert self._folder is not None
        archives = self._folder / "cache" / "archives"
        self._again(["--yes", "--no-install-recommends", "--download-only", "install", *packages], archives)
        return sorted(archives.glob("*.deb"))

    def lists(self) -> str:
        """A hash of the lists, which stays the same until update()."""
        assert self._folder is not None
        digest = hashlib.sha256()
        for path in sorted((self._folder / "state" / "lists").glob("*Release")):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def _again(self, arguments: list[str], folder: Path) -> None:
        """Archives into `folder`. Lists may name what the mirror no longer has: then once more, with new ones."""
        try:
            self._get(arguments, folder)
        except BenchLacks:
            self.update()
            try:
                self._get(arguments, folder)
            except BenchLacks as error:
                raise CannotDownload(str(error)) from None

    def _get(self, arguments: list[str], folder: Path) -> None:
        for stale in folder.glob("*.deb"):  # of an attempt that got half-way
            stale.unlink()
        run(["apt-get", "--quiet=2", *self._options, *arguments], cwd=folder, timeout=DOWNLOAD_TIMEOUT_S)

    def _depends(self, package: str) -> list[str]:
        shown = run(["apt-cache", *self._options, "depends", package], timeout=60, ok=True)
        return [line.split()[-1] for line in shown.splitlines() if "Depends: linux-image-" in line]


def unpack(archives: Sequence[Path], folder: Path) -> None:
    """Their files, without what is only for readers, into a folder whose bin, sbin and lib may be links."""
    with ThreadPoolExecutor() as workers:
        list(workers.map(lambda archive: unpack_one(archive, folder), archives))


def unpack_one(archive: Path, folder: Path, *only: str) -> None:
    """All of an archive's files, or only those below some folders ("./boot")."""
    leave = [f"--exclude=./{name}" for name in LEFT_OUT]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as reader:
        run(["tar", "-x", "-C", str(folder), "--keep-directory-symlink", *leave, *only], stdin=reader.stdout)
