"""Write the version into what is built; everything else about the package stands in setup.cfg."""

from __future__ import annotations

import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
# By its path: a build knows nothing of the folder that it is started in.
TOLD = runpy.run_path(str(HERE / "agent" / "version.py"))
VERSION = TOLD["version_of"](HERE)


def write_version(tree: str) -> None:
    """Write it where the program looks for it."""
    file = Path(tree) / "agent" / TOLD["WRITTEN"]
    file.unlink(missing_ok=True)
    file.write_text(f"{VERSION}\n", encoding="ascii")


class BuildPackage(build_py):
    """Give a wheel its version; an editable installation goes on asking git."""

    def run(self) -> None:
        """Build, then write."""
        super().run()
        if not self.editable_mode:
            write_version(self.build_lib)


class SourceArchive(sdist):
    """Give a source archive its version, since it has no git to ask."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Lay the files out, then write; unlinked first, for they may be hard links to the checkout's."""
        super().make_release_tree(base_dir, files)
        write_version(base_dir)


setup(version=VERSION, cmdclass={"build_py": BuildPackage, "sdist": SourceArchive})
