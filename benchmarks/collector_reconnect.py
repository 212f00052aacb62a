"""A thousand stations come back at once, each with ten certificates in its outbox: until each has its signed receipt.

    .venv/bin/python -m benchmarks.collector_reconnect [--stations 1000] [--each 10] [--database sqlite:///collector.db]

A real mosquitto, a real `benchwipe-collector serve`, real MQTT connections out of one thread (benchmarks/crowd.py). A
receipt counts by its signature. The database must end with every certificate once, in unbroken chains, else it fails.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import keys
from agent.certificates.jws import thumbprint
from benchmarks.collector_receipts import certificates_of, enrol, start, stored, wait_until_healthy, worked
from benchmarks.crowd import Crowd, Member

LONGEST_S = 900.0


def measure(folder: Path, options: argparse.Namespace) -> int:
    """Run it and print one line; the exit status."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    signers = {f"bench-{n:04d}": Ed25519PrivateKey.generate() for n in range(options.stations)}
    enrol(folder, options.database, signers)
    chains = {name: certificates_of(name, key, options.each) for name, key in signers.items()}
    port, web, processes = start(folder, options.database)
    try:
        wait_until_healthy(web)
        public = keys.load(folder / "keys" / "receipt.key").public_key()
        members = [Member(name, [port], chain, {thumbprint(public): public}) for name, chain in chains.items()]
        crowd, before, began = Crowd(members), worked(processes[0].pid), time.monotonic()
        crowd.run(lambda: all(one.done for one in members), LONGEST_S)
        seconds, work = time.monotonic() - began, worked(processes[0].pid) - before
        crowd.close()
        found, wanted = stored(), options.stations * options.each
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    answered, twice = sum(len(one.waits) for one in members), sum(one.results["duplicate"] for one in members)
    unproven = sum(one.unproven for one in members)
    waits = sorted(wait for one in members for wait in one.waits)
    kind = options.database.partition(":")[0]
    print(
        f"{kind}: {options.stations} stations x {options.each}: {answered} of {wanted} signed "
        f"receipts in {seconds:.1f} s ({answered / seconds:.0f}/s), slowest {waits[-1] if waits else 0.0:.1f} s, "
        f"{twice} after a repeat, {unproven} not believed; {1000 * work / wanted:.2f} ms of the collector's processor "
        f"time each; stored {found}"
    )
    return 0 if found == wanted == answered and not unproven else 1


def main() -> int:
    """Options, a folder, a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, default=1000)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--database", default="sqlite:///collector.db")
    folder = Path(tempfile.mkdtemp(prefix="benchwipe-reconnect-"))
    try:
        return measure(folder, parser.parse_args())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
