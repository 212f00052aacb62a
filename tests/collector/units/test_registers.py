"""Registers as they come: other programs' headings, spreadsheets' harm, persons, encodings, rejected rows."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
import xlsxwriter

from collector.units import register_columns, registering
from collector.units.errors import RegisterProblem
from collector.units.models import RegisterImport, Unit
from collector.units.registering import Imported
from tests.collector.units.yard import MACHINE, Yard

INTUNE = (
    "Device ID,Device name,Enrollment date,Last check-in,OS version,Serial number,Manufacturer,Model,IMEI,MEID,"
    "Encrypted,Primary user UPN,Primary user display name,Phone number\n"
    "d-1,LAP-JENS,2024-01-01,2026-10-01 09:00:00.0000000,10,PF1AAAA1,LENOVO,T14,,,True,jens@k.dk,Jens Hansen,+4512\n"
    'd-2,P-I,2024-01-01,2026-10-02 09:00:00.0000000,17,F2LXK1,Apple,"iPhone 12",353879234252633,,False,i@k.dk,Ida,+45\n'
)
SNIPE = (
    "ID,Asset Name,Asset Tag,Serial,Model,Category,Status,Checked Out To,Location,Manufacturer,Notes\n"
    '1,a,<b>K-0001</b>,PF1AAAA1,T14,Laptop,Deployed,Jens Hansen,"R&aring;dhus &amp; skole",Lenovo,x\n'
)
GLPI = (
    '"Name";"Entity";"Status";"Manufacturer";"Serial number";"Type";"Model";"Inventory number";"User"\n'
    '"pc1";"Skole";"In use";"Dell";"7XKQ2M3";"Notebook";"5420";"00042";"jens"\n'
)


def take(yard: Yard, data: bytes, **more: Any) -> Imported:  # noqa: ANN401
    return registering.import_register(MACHINE, yard.customer, data, "file", **more)


def book(rows: list[list[Any]]) -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return made.getvalue()


@pytest.mark.parametrize(
    ("text", "system", "new"), [(INTUNE, "intune", 2), (SNIPE, "snipe-it", 1), (GLPI, "glpi", 1)], ids=str
)
def test_headings_of_other_programs_are_known_and_no_person_is_kept(
    yard: Yard, text: str, system: str, new: int
) -> None:
    done = take(yard, text.encode())
    assert (done.new, list(done.rejected)) == (new, [])
    assert RegisterImport.unfiltered.get().mapping.system == system
    assert done.persons
    kept = str(list(Unit.unfiltered.values())) + str([u.row.raw for u in Unit.unfiltered.all()])
    assert "Jens" not in kept
    assert "jens" not in kept
    assert "+45" not in kept
    assert "<b>" not in kept


def test_intunes_export_comes_as_a_zip_and_tells_encryption_and_last_contact(yard: Yard) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("DevicesWithInventory.csv", "\ufeff" + INTUNE)
    assert take(yard, packed.getvalue()).new == 2
    row = yard.unit("PF1AAAA1").row
    assert (row.encrypted, str(row.last_seen_on)) == (True, "2026-10-01")
    assert yard.unit("F2LXK1").kind == "phone"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_encoding_and_separator_that_people_use(yard: Yard, encoding: str, separator: str) -> None:
    text = "Serienummer|Mærke|Inventarnr.|Lokation\nPF1AAAA1|Lenovo|0042|Rådhuset\n".replace("|", separator)
    assert take(yard, text.encode(encoding)).new == 1
    assert yard.line("0042")["serial"] == "PF1AAAA1"
    assert yard.unit("0042").row.location == "Rådhuset"


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ('"3,53879E+14";', "IMEI"),
        ("3.53879E+14;", "IMEI"),
        ("353879234252634;", "IMEI"),  # its check digit does not fit
        ("12345;", "IMEI"),
        ("0;To be filled by O.E.M.", "Serial"),
        (";1,2E+15", "Serial"),
    ],
)
def test_a_row_that_cannot_be_believed_is_rejected_with_its_place(yard: Yard, row: str, column: str) -> None:
    done = take(yard, f"IMEI;Serial\n353879234252633;\n{row}\n".encode())
    assert (done.rows, done.new) == (2, 1)
    assert [(one["row"], one["column"]) for one in done.rejected] == [(3, column)]


def test_a_workbook_keeps_what_a_number_can_hold_and_refuses_what_was_rounded(yard: Yard) -> None:
    rows: list[list[Any]] = [
        ["Udtræk fra kommunen"],
        [],
        ["IMEI", "Serienummer", "Inventarnr."],
        [353879234252633, "A1B2C3", "007"],
        [3538792342526331, "A1B2C4", "008"],
        ["", 12345678.0, 42],
    ]
    done = take(yard, book(rows))
    assert done.new == 2
    assert [(one["row"], one["column"]) for one in done.rejected] == [(5, "IMEI")]
    assert yard.line("007")["imei"] == "353879234252633"
    assert yard.line("42")["serial"] == "12345678"


def test_a_unit_stands_in_a_file_once(yard: Yard) -> None:
    done = take(yard, b"serial,asset_tag\nPF1AAAA1,K-1\npf1-aaaa1,K-2\nPF1AAAA3,K-1\n")
    assert done.new == 1
    assert [(one["row"], one["problem"].partition(":")[0]) for one in done.rejected] == [
        (3, "the same serial number as row 2"), (4, "the same asset tag as row 2"),
    ]  # fmt: skip
    assert yard.report()["register_rows"] == 1


def test_a_mapping_is_remembered_for_its_headings_and_asked_again_when_they_change(yard: Yard) -> None:
    text = b"L\xc3\xb8benr.;Art;Hvor\nPF1AAAA1;laptop;A\n"
    with pytest.raises(RegisterProblem, match="--mapping"):
        take(yard, text)
    told = {"serial": "Løbenr.", "location": "Hvor", "kind": "Art"}
    assert take(yard, text, mapping=told).new == 1
    assert take(yard, text.replace(b"AAAA1", b"AAAA2")).new == 1, "remembered"
    with pytest.raises(RegisterProblem, match="serial any more"):
        take(yard, b"Nr.;Art;Hvor;Inventarnr.\nPF1AAAA3;laptop;A;K-1\n")
    assert Unit.unfiltered.count() == 2


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"serial": "Primary user UPN"}, "names persons"),
        ({"colour": "Hvor"}, "allowed are"),
        ({"location": "Hvor"}, "one is needed"),
        ({"serial": "Nowhere"}, "no heading 'Nowhere'"),
        ({"serial": 3}, "a heading of the file"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_and_nothing_is_changed(yard: Yard, told: Any, why: str) -> None:  # noqa: ANN401
    from collector.units.register_mapping import checked

    with pytest.raises(RegisterProblem, match=why):
        take(yard, b"Hvor;Primary user UPN\nA;jens@k.dk\n", mapping=checked(told, "m.toml"))
    assert RegisterImport.unfiltered.count() == 0


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00\x01\x02", b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0 old", b"a,b\nc,d\n", b"serial,serial\nA1B2,C3D4\n",
     b"serial," + b",".join(b"x%d" % n for n in range(300)), b"serial\n" + b"A" * 5000],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_in_one_line(yard: Yard, data: bytes) -> None:
    with pytest.raises(RegisterProblem) as told:
        take(yard, data)
    assert "\n" not in told.value.line()
    assert Unit.unfiltered.count() == 0


def test_tags_are_compared_without_their_customers_prefix(yard: Yard) -> None:
    from collector.units.models import CustomerRules

    CustomerRules.objects.create(customer=yard.customer, tag_prefix="KOLD-?")
    take(yard, b"asset_tag,serial\nKOLD-0042,PF1AAAA1\n")
    yard.lot()
    assert yard.receive("asset_tag\n0042\n")["received"] == 1


def test_formulas_of_others_come_back_as_text(yard: Yard) -> None:
    take(yard, b"serial,location\nPF1AAAA1,=cmd|' /C calc'!A0\n")
    from collector.units.reconcile_file import Export

    data = b"".join(Export(yard.customer, None, "en").pieces("csv")).decode()
    assert "\"'=cmd" in data
    assert '"=cmd' not in data


PERSONS = (
    "Elev", "Elevens navn", "Lånernavn", "Låner", "Lærer", "Tekniker", "Fornavn", "Efternavn", "Fulde navn",
    "Full name", "Display Name", "Student name", "Tlf.", "Mobilnr.", "Personnummer", "Modtager", "Adresse",
    "Home address",
)  # fmt: skip
THINGS = (
    "Computernavn", "Modelnavn", "MAC address", "Bluetooth address", "Elevation", "Personal computer", "Device name",
    "Mobile network",
)  # fmt: skip


@pytest.mark.parametrize("heading", PERSONS)
def test_a_column_of_persons_is_known_in_danish_too(heading: str) -> None:
    """Nobody maps it to a column that is kept; an address is somebody's home."""
    assert register_columns.names_person(heading)
    assert heading in register_columns.find([["Serienummer", heading]]).persons


@pytest.mark.parametrize("heading", THINGS)
def test_a_column_of_things_names_nobody(heading: str) -> None:
    assert not register_columns.names_person(heading)
