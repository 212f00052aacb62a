"""`make demo`: the main job of benchwipe, end to end, in under a minute. Exit status 0 only if all is as it must be."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from agent.demo.bench import ROOT, Files
from agent.demo.programs import DemoFailed
from agent.demo.story import Story
from drivers.errors import DriverError


def main() -> int:
    """Run the story; say what was wrong if anything was."""
    parser = argparse.ArgumentParser(prog="make demo ARGS=...", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="stay up afterwards, with the collector's web page")
    parser.add_argument("--out", type=Path, help="folder for its files [default: demo-out beside the README]")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    try:
        Story(Files(_folder(options.out)), serve=options.serve).run()
    except DemoFailed as problem:
        print(f"\nNOT as it must be: {problem}", file=sys.stderr)
        return 1
    except (OSError, DriverError) as problem:
        print(f"\nThe demo cannot run here: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _folder(named: Path | None) -> Path:
    """demo-out in the checkout, or a temporary folder where the checkout cannot be written."""
    if named is not None:
        return named.resolve()
    folder = ROOT / "demo-out"
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="benchwipe-demo-"))


def _end(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
