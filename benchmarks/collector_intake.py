"""Certificates per second through the intake's hot path, without a broker: judged, stored in batches, COMMIT.

    .venv/bin/python -m benchmarks.collector_intake [--certificates 4000] [--batch 200] [--database sqlite:///c.db]

Each batch is what collector/intake/taking.py does with one: read the keys, verify each signature, one transaction.
Beside it stands how long the signatures alone take. The database must end with every certificate once, unbroken.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.collector_receipts import certificates_of, enrol, stored

STATIONS = 8


def measure(folder: Path, options: argparse.Namespace) -> int:
    """Run it and print one line; the exit status."""
    keys = {f"bench-{n}": Ed25519PrivateKey.generate() for n in range(STATIONS)}
    enrol(folder, options.database, keys)
    from collector.intake.book import enrolled
    from collector.intake.judge import Delivery, judge
    from collector.intake.keeping import keep

    chains = [certificates_of(name, key, options.certificates // STATIONS) for name, key in keys.items()]
    messages = [
        Delivery(f"er/1/{c.record.station.id}/cert/{c.id}", c.record.station.id, c.id, c.compact)
        for some in zip(*chains, strict=True)
        for c in some
    ]
    judging, began = 0.0, time.perf_counter()
    for at in range(0, len(messages), options.batch):
        batch = messages[at : at + options.batch]
        book = enrolled({message.station for message in batch})
        before = time.perf_counter()
        verdicts = [judge(message, book.of) for message in batch]
        judging += time.perf_counter() - before
        keep(verdicts, book)
    seconds = time.perf_counter() - began
    found = stored()
    print(
        f"{options.database.partition(':')[0]}: {len(messages)} certificates in batches of {options.batch}: "
        f"{len(messages) / seconds:.0f}/s, of which judging alone {len(messages) / judging:.0f}/s; stored {found}"
    )
    return 0 if found == len(messages) else 1


def main() -> int:
    """Options, a folder, a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certificates", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--database", default="sqlite:///c.db")
    folder = Path(tempfile.mkdtemp(prefix="benchwipe-intake-"))
    try:
        return measure(folder, parser.parse_args())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
