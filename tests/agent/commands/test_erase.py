"""`benchwipe erase` on real loop devices: what stands on the medium, and what the certificate says of it."""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from joserfc import jws
from joserfc.jwk import OKPKey

from agent.commands.work.erase_result import Result, exit_status
from tests.agent.commands.conftest import Call, chain, payload
from tests.drivers.drives.conftest import MIB, Loops

# The words of the command line's contract, and what each method leaves on the medium (None: random bytes).
LAST_PASS: dict[str, tuple[int, bytes | None]] = {
    "nist-clear": (1, b"\x00"),
    "zero": (1, b"\x00"),
    "one": (1, b"\xff"),
    "random": (1, None),
    "pattern-complement": (2, b"\xaa"),
    "dod-5220.22-m": (3, None),
    "dod-5220.22-m-ece": (7, None),
    "hmg-is5-baseline": (1, b"\x00"),
    "hmg-is5-enhanced": (3, None),
    "rcmp-tssit-ops-ii": (7, None),
    "bsi-vsitr": (7, b"\xaa"),
    "gutmann": (35, None),
    "schneier": (7, None),
}
FIRMWARE = (
    "nist-purge",
    "ata-secure-erase",
    "ata-secure-erase-enhanced",
    "ata-sanitize-block",
    "ata-sanitize-crypto",
    "ata-sanitize-overwrite",
    "nvme-format-user-data",
    "nvme-format-crypto",
    "nvme-sanitize-block",
    "nvme-sanitize-crypto",
    "nvme-sanitize-overwrite",
    "scsi-sanitize-block",
    "scsi-sanitize-crypto",
    "scsi-sanitize-overwrite",
)
# The certificate's contract, field by field.
FIELDS: dict[str, str] = {
    "": "schema number sequence previous outcome started_at finished_at clock station operator customer asset drive "
    "sanitization verification unreached interruptions validation disposition",
    "clock": "source synchronised boot_id monotonic_ms",
    "station": "id name location organisation software kernel machine",
    "station.software": "name version",
    "operator": "id name title",
    "asset": "tag kind manufacturer model serial",
    "drive": "vendor model serial wwn firmware transport media capacity_bytes native_capacity_bytes "
    "logical_block_bytes physical_block_bytes identity_source bridge hidden_area health",
    "drive.health": "before after",
    "sanitization": "level level_nist_800_88_r1 level_ieee_2883 standard method technique passes commands",
    "sanitization.passes.0": "number pattern bytes started_at finished_at",
    "verification": "kind result bytes blake3 expected_blake3 sample mismatches",
    "validation": "decision by at",
}
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


def read_direct(device: str) -> bytes:
    """The medium's bytes, past every cache."""
    size = os.path.getsize(device) or int(
        subprocess.run(["blockdev", "--getsize64", device], capture_output=True, check=True).stdout
    )
    fd = os.open(device, os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap.mmap(-1, -(-size // 4096) * 4096) as memory, memoryview(memory) as view:
            done = 0
            while done < size:
                done += os.preadv(fd, [view[done:size]], done)
            return bytes(view[:size])
    finally:
        os.close(fd)


def at(record: dict[str, Any], path: str) -> Any:  # noqa: ANN401 - JSON
    found: Any = record
    for name in filter(None, path.split(".")):
        found = found[int(name) if name.isdecimal() else name]
    return found


def entropy_is_high(data: bytes) -> bool:
    """Every value about as often as any other: 5 sigma around the mean."""
    mean = len(data) / 256
    counts = [data.count(bytes([value])) for value in range(256)]
    return all(abs(count - mean) < 6 * mean**0.5 for count in counts)


@pytest.mark.parametrize("method", LAST_PASS)
def test_each_method_leaves_its_last_pass_on_the_medium(call: Call, loops: Loops, method: str) -> None:
    device = loops.attach(loops.image(MIB))
    done = call("erase", device, "--method", method, "--yes", "--json")
    passes, pattern = LAST_PASS[method]
    assert (done.status, done.outcomes) == (0, ["erased"]), done.err
    found, record = read_direct(device), payload(done.results[0]["certificate_file"])
    assert found == pattern * len(found) if pattern else entropy_is_high(found)
    assert [p["number"] for p in record["sanitization"]["passes"]] == list(range(1, passes + 1))
    assert record["sanitization"]["passes"][-1]["pattern"] == (pattern.hex() if pattern else "random")
    assert record["verification"]["blake3"] == record["verification"]["expected_blake3"] == blake3(found).hexdigest()
    assert done.results[0]["bytes"] == passes * MIB


def test_a_technique_that_a_drive_has_not_is_refused_and_never_replaced(call: Call, loops: Loops) -> None:
    image = loops.image(MIB)
    before, device = image.read_bytes(), loops.attach(image)
    for technique in FIRMWARE:
        done = call("erase", device, "--method", technique, "--yes", "--json")
        assert (done.status, done.outcomes) == (3, ["refused"]), technique
        assert technique in done.results[0]["reason"]
    assert read_direct(device) == before


@pytest.mark.parametrize(
    ("size", "block"), [(512, 512), (4096, 4096), (MIB + 512, 512), (5 * MIB + 3 * 4096, 4096), (1000 * 512 + 512, 512)]
)
def test_sizes_and_sectors_of_every_kind_are_erased_to_the_last_byte(
    call: Call, loops: Loops, size: int, block: int
) -> None:
    device = loops.attach(loops.image(size), "--sector-size", str(block))
    done = call("erase", device, "--method", "one", "--yes", "--json")
    assert (done.status, done.outcomes) == (0, ["erased"]), done.err
    record = payload(done.results[0]["certificate_file"])
    assert read_direct(device) == b"\xff" * size
    assert (record["drive"]["capacity_bytes"], record["drive"]["logical_block_bytes"]) == (size, block)
    assert record["verification"]["bytes"] == size


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_the_certificate_has_every_field_and_any_jose_library_verifies_it(
    call: Call, loops: Loops, tmp_path: Path
) -> None:
    device = loops.attach(loops.image(2 * MIB))
    folder = tmp_path / "a" / "folder"
    words = ("--asset", "ÆØÅ-0042", "--operator", "bo", "--certificate-dir", folder)
    done = call("erase", device, "--yes", "--json", *words)
    row = done.results[0]
    path = Path(row["certificate_file"])
    compact = path.read_bytes()
    key = OKPKey.import_key(call("key", "show").document)
    signed = jws.deserialize_compact(compact.decode(), key, algorithms=["EdDSA"])
    assert signed.headers() == {"alg": "EdDSA", "kid": key.thumbprint(), "typ": "benchwipe-certificate+jws"}
    assert path == folder / f"{hashlib.sha256(compact).hexdigest()}.jws"
    assert path.stem == row["certificate_id"]
    assert (tmp_path / "state/certificates" / path.name).read_bytes() == compact
    record = payload(path)
    for where, names in FIELDS.items():
        assert set(names.split()) <= set(at(record, where)), where
    assert (record["schema"], record["number"], record["sequence"]) == ("benchwipe.certificate/1", "bench-01-000001", 1)
    assert (record["asset"]["tag"], record["operator"]["id"], record["customer"]) == ("ÆØÅ-0042", "bo", None)
    assert (record["previous"], record["outcome"], record["validation"]["decision"]) == (None, "erased", "awaiting")
    assert (record["unreached"], record["interruptions"], record["sanitization"]["commands"]) == ([], [], [])
    assert {record["sanitization"][f"level{suffix}"] for suffix in ("", "_nist_800_88_r1", "_ieee_2883")} == {"clear"}
    assert all(RFC_3339.fullmatch(record[name]) for name in ("started_at", "finished_at"))
    assert record["started_at"] <= record["finished_at"]


def test_b3sum_of_the_device_prints_the_certificates_hash(call: Call, loops: Loops) -> None:
    if shutil.which("b3sum") is None:
        pytest.skip("needs b3sum")
    device = loops.attach(loops.image(3 * MIB + 512))
    done = call("erase", device, "--method", "random", "--yes", "--json")
    printed = subprocess.run(["b3sum", "--no-names", device], capture_output=True, text=True, check=True).stdout.strip()
    assert payload(done.results[0]["certificate_file"])["verification"]["blake3"] == printed


def test_what_was_not_read_back_is_not_said_to_be(call: Call, loops: Loops) -> None:
    device = loops.attach(loops.image(8 * MIB))
    sample, none = (
        payload(call("erase", device, "--verify", kind, "--yes", "--json").results[0]["certificate_file"])
        for kind in ("sample", "none")
    )
    read = sample["verification"]
    assert (read["kind"], read["result"], read["blake3"], sample["outcome"]) == ("sample", "passed", None, "erased")
    assert read["sample"]["fraction"] >= 0.1
    assert 8 * MIB > read["bytes"] >= 0.1 * 8 * MIB
    assert read["sample"]["locations"] >= 1000
    assert len(bytes.fromhex(read["sample"]["seed"])) >= 16
    assert none["outcome"] == "erased"
    assert none["verification"] == none["verification"] | {
        "kind": "none",
        "result": "not-run",
        "bytes": 0,
        "blake3": None,
    }


def test_the_worst_outcome_is_the_status_and_rows_stand_in_the_order_of_the_words(
    call: Call, loops: Loops, tmp_path: Path
) -> None:
    first, second = loops.attach(loops.image(MIB)), loops.attach(loops.image(MIB), "--read-only")
    missing = tmp_path / "missing"
    missing.symlink_to("/dev/benchwipe-nothing")
    done = call("erase", second, first, missing, "--yes", "--json")
    assert (done.status, done.outcomes) == (3, ["refused", "erased", "refused"])
    assert [row["device"] for row in done.results] == [second, first, str(missing)]
    assert "is read-only" in done.results[0]["reason"]
    assert "leads nowhere" in done.results[2]["reason"]
    assert [row["certificate_id"] is None for row in done.results] == [True, False, True]
    assert [record["outcome"] for record in chain(tmp_path / "state")] == ["erased"]


def test_name_and_title_of_an_operator_are_the_configurations(call: Call, loops: Loops, tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text('[[operator]]\nbadge = "BADGE-1"\nid = "mette"\nname = "Mette H."\ntitle = "Technician"\n')
    device = loops.attach(loops.image(MIB))
    done = call("erase", device, "--operator", "mette", "--config", config, "--yes", "--json")
    expected = {"id": "mette", "name": "Mette H.", "title": "Technician"}
    assert payload(done.results[0]["certificate_file"])["operator"] == expected


@pytest.mark.parametrize(
    ("outcomes", "interrupted", "status"),
    [
        (("erased", "erased"), False, 0),
        (("erased", "erased"), True, 0),
        (("erased", "refused"), False, 3),
        (("refused", "failed"), False, 1),
        (("failed", "refused", "erased"), False, 1),
        (("erased", "aborted"), False, 1),
        (("erased", "aborted", "failed"), True, 130),
        (("aborted", "refused"), True, 130),
    ],
)
def test_the_worst_outcome_decides_the_status(outcomes: tuple[str, ...], interrupted: bool, status: int) -> None:
    results = [Result(device=f"/dev/{i}", outcome=outcome) for i, outcome in enumerate(outcomes)]
    assert exit_status(results, interrupted=interrupted) == status


def test_a_dry_run_tells_the_whole_plan_and_touches_nothing(call: Call, loops: Loops, tmp_path: Path) -> None:
    image = loops.image(4 * MIB)
    before, device = image.read_bytes(), loops.attach(image)
    done = call("erase", device, "--dry-run", "--json")
    assert done.status == 0
    (row,) = done.document["plans"]
    assert (row["device"], row["reason"], row["plan"]["technique"]) == (device, None, "overwrite")
    assert {"alternatives", "not_reached", "asked_level", "prepare", "fell_back"} <= set(row["plan"])
    told = call("erase", device, "--dry-run")
    assert "why: one pass of a fixed value" in told.out
    refused = call("erase", device, "--dry-run", "--method", "nist-purge")
    assert refused.status == 3
    assert "BW-P03" in refused.out
    assert image.read_bytes() == before
    assert not (tmp_path / "state").exists()
