"""Reports of other programs: kept as they are, believed in nothing, and never called erased."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.foreign import rules, services
from collector.foreign.errors import ForeignProblem
from collector.foreign.models import ForeignFile, ForeignRecord
from collector.parties.services import Actor
from tests.collector.house import House
from tests.collector.units.workshop import Workshop
from tests.patience import PROGRAM_S

NWIPE = b"""[2026/05/13 01:40:00]  notice: nwipe 0.38
[2026/05/13 01:40:01]  notice: Found /dev/sda,  ATA    , TOSHIBA MQ01ABD1, 1000 GB, S/N=35H2SCTWS
[2026/05/13 01:40:01]  notice: Found /dev/sdb,  ATA    , WDC WD1600AAJS-2, 160 GB, S/N=WD-WMAP9
[2026/05/13 01:40:02]  notice: Invoking method 'PRNG Stream' on /dev/sda

******************************** Drive Status **********************************
!   Device | Status | Thru-put | HH:MM:SS | Model/Serial Number
--------------------------------------------------------------------------------
    sda | Erased |  165MB/s | 01:25:04 | TOSHIBA MQ01ABD1/35H2SCTWS
!   sdb |--FAIL--|  120MB/s | 00:12:07 | WDC WD1600AAJS-2/WD-WMAP9
--------------------------------------------------------------------------------
[2026/05/13 03:05:44]  Total Throughput  165MB/s
********************************************************************************
"""
SHREDOS = json.dumps({
    "host": {"system": {"serial": "HOST-1"}},
    "disks": [{"model": "TOSHIBA", "serial": "35H2SCTWS", "status": "Erased", "method": "PRNG", "end_time": "2026"}],
}).encode()  # fmt: skip
BLANCCO = b"""<?xml version="1.0" encoding="UTF-8"?>
<root><report><blancco_data><blancco_hardware_report><entries name="system"/></blancco_hardware_report>
<blancco_erasure_report><entries name="erasures"><entries name="erasure"><entry name="state" type="string">Successful
</entry><entry name="erasure_standard_name">NIST 800-88 Clear</entry><entry name="end_time">2026-05-13</entry>
<entries name="target"><entry name="vendor">TOSHIBA</entry><entry name="model">MQ01</entry>
<entry name="serial">35H2SCTWS</entry></entries></entries></entries></blancco_erasure_report></blancco_data>
</report></root>"""


def test_each_program_is_read() -> None:
    told = {rules.read(data).tool: rules.read(data).records for data in (NWIPE, SHREDOS, BLANCCO)}
    assert told["nwipe"] == (
        rules.Said("TOSHIBA MQ01ABD1", "35H2SCTWS", "Erased", "PRNG Stream", "2026-05-13 03:05:44"),
        rules.Said("WDC WD1600AAJS-2", "WD-WMAP9", "FAIL", "PRNG Stream", "2026-05-13 03:05:44"),
    )
    assert told["ShredOS"] == (rules.Said("TOSHIBA", "35H2SCTWS", "Erased", "PRNG", "2026"),)
    assert told["Blancco"] == (
        rules.Said("TOSHIBA MQ01", "35H2SCTWS", "Successful", "NIST 800-88 Clear", "2026-05-13"),
    )


def test_a_log_that_ends_before_its_table_tells_no_result() -> None:
    (first, second) = rules.read(NWIPE[: NWIPE.index(b"*****")]).records
    assert (first.said, second.said, first.finished) == ("no result", "no result", "")


BOMB = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><root><blancco>&b;</blancco></root>'
FETCH = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><root><blancco_data>&x;</blancco_data></root>'
WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "none of the known"),
    "a letter": (b"Dear Sirs, all is erased.", "none of the known"),
    "no drive": (b"nwipe 0.38", "no drive"),
    "no JSON": (b"{nothing", "Expecting"),
    "nest": (b"[" * 100_000, "."),
    "deep": (b"[" * 70 + b"]" * 70, "deeper"),
    "bomb": (BOMB, "document type"),
    "fetch": (FETCH, "document type"),
    "other XML": (b"<root/>", "no report of Blancco"),
    "broken XML": (b"<root><blancco>", "no element|unclosed"),
    "deep XML": (b"<blancco>" * 100, "more elements"),
    "large": (b"nwipe " * (2 << 20), "MiB"),
}


@pytest.mark.parametrize(("data", "why"), WRONG.values(), ids=WRONG)
def test_what_is_no_report_is_refused_whole(house: House, data: bytes, why: str) -> None:
    with pytest.raises(ForeignProblem, match=why):
        services.take(Actor("test"), "x", data)
    assert ForeignFile.objects.count() == 0


@given(st.binary(max_size=3000) | st.text(max_size=500).map(lambda t: b"nwipe\n" + t.encode("utf-8", "replace")))
def test_no_file_ends_the_reading(data: bytes) -> None:
    with contextlib.suppress(rules.NoReport):
        rules.read(data)


def test_it_is_kept_once_with_its_bytes_and_makes_no_unit_erased(house: House) -> None:
    shop = Workshop(house)
    shop.receive(1)
    before = shop.unit("T1").data
    data = NWIPE.replace(b"35H2SCTWS", b"DEVICE0001")
    first, again = (services.take(Actor("test"), "nwipe.log", data) for _ in range(2))
    assert (first.new, again.new, len(again.records)) == (True, False, 2)
    assert bytes(ForeignFile.objects.get().body) == data
    assert ForeignRecord.objects.count() == 2
    assert shop.unit("T1").data == before == "open"
    assert shop.house.client("team_lead").get("/certificates", {"outcome": "foreign"}).status_code == 200


def test_the_page_calls_them_foreign(house: House) -> None:
    services.take(Actor("test"), "nwipe.log", NWIPE.replace(b"TOSHIBA MQ01ABD1", b"<b>TOSHIBA</b>"))
    client = house.client("team_lead")
    text = client.get("/foreign").content.decode()
    assert "Foreign" in text
    assert "<b>TOSHIBA" not in text
    assert "WD-WMAP9" in text
    found = client.get("/foreign", {"q": "35h2-sctws"}).content.decode()
    assert "35H2SCTWS" in found
    assert "WD-WMAP9" not in found
    assert house.client("technician").get("/foreign").status_code == 403


def command(house: House, *words: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "collector.cli", *words, "--config", str(house.folder / "c.toml")]
    return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=PROGRAM_S)


def test_the_command_takes_a_file_in(house: House) -> None:
    file = house.folder / "report.xml"
    file.write_bytes(BLANCCO)
    done = command(house, "import-foreign", str(file), "--json")
    assert done.returncode == 0, done.stderr
    told: Any = json.loads(done.stdout)
    assert (told["tool"], told["new"], [one["outcome"] for one in told["records"]]) == ("Blancco", True, ["foreign"])
    file.write_bytes(BOMB)
    for name in (str(file), str(house.folder / "nothing")):
        done = command(house, "import-foreign", name)
        assert (done.returncode, "BW-C75" in done.stderr) == (2, True), done.stderr
