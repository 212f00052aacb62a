"""Normal forms: what was written otherwise compares equal, what is another thing does not, and nothing raises."""

from __future__ import annotations

import re
import unicodedata

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.certificates.record import Asset
from collector.certificates import identifiers as ids
from collector.certificates.identifiers import LONGEST, NO_NUMBERS, NORMAL_FORMS, Identifier, Kind
from tests.agent.samples import record

anything = st.text(st.characters(exclude_categories=[]), max_size=60)
kinds = st.sampled_from(sorted(NORMAL_FORMS))
SEPARATORS = st.lists(st.sampled_from(" -\u00a0\u200b\u2011\ufeff\t\x00\u00ad"), max_size=3).map("".join)
quick = settings(max_examples=150, deadline=None)


@given(kind=kinds, text=anything)
@quick
def test_a_normal_form_is_its_own_normal_form(kind: Kind, text: str) -> None:
    norm = NORMAL_FORMS[kind](text)
    assert NORMAL_FORMS[kind](norm) == norm
    norm.encode()
    assert not [c for c in norm if unicodedata.category(c)[0] in "CZ"]


@given(letters=st.lists(st.sampled_from("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"), min_size=4, max_size=24), data=st.data())
@quick
def test_case_spaces_dashes_and_what_cannot_be_seen_make_no_other_serial_number(
    letters: list[str], data: st.DataObject
) -> None:
    whole = "".join(letters)
    noisy = "".join(
        data.draw(SEPARATORS) + (c.lower() if data.draw(st.booleans()) else c) for c in letters
    ) + data.draw(SEPARATORS)
    assert ids.serial(noisy) == ids.serial(whole)


@pytest.mark.parametrize(
    ("one", "other"), [("S0123", "SO123"), ("WD-11", "WD-1I"), ("8ABCD", "BABCD"), ("A12.3", "A123")]
)
def test_letters_that_look_alike_are_other_letters(one: str, other: str) -> None:
    assert ids.serial(one) != ids.serial(other)


@pytest.mark.parametrize(
    "text", [*NO_NUMBERS, "to be filled by o.e.m.", "DEFAULT  STRING", "0000000000", "xxxxxx", "A-1", "..."]
)
def test_what_stands_for_no_number_is_none(text: str) -> None:
    assert ids.serial(text) == ""
    assert ids.identify("serial", text) is None


def test_full_width_letters_are_the_same_letters() -> None:
    assert ids.serial("ＷＤ－１２３４") == ids.serial("wd-1234") == "WD1234"


def test_what_a_scanner_puts_before_a_number_is_offered_and_never_taken() -> None:
    assert ids.serial("SPF0XYZ12") == "SPF0XYZ12"
    assert ids.serial_candidates("SPF0XYZ12") == ("PF0XYZ12",)
    assert "PF0XYZ12" in ids.serial_candidates("1S20XWCTO1WWPF0XYZ12")
    assert "PF0XYZ12" in ids.serial_candidates("1S20XW123PF0XYZ12")
    assert ids.serial_candidates("PF0XYZ12") == ()
    assert ids.serial_candidates("Default string") == ()


@pytest.mark.parametrize(
    "text",
    ["490154203237518", "49-015420-323751-8", "49 015420 323751 8", "49015420323751", "4901542032375101",
     "IMEI: 490154203237518", "imei2: 490154203237518", "IMEI 490154203237518", "４９０１５４２０３２３７５１８",
     "IMEISV 4901542032375101", "490154/20/323751/8"],
)  # fmt: skip
def test_an_imei_is_compared_by_its_first_fourteen_digits(text: str) -> None:
    assert ids.imei(text) == "49015420323751"


@pytest.mark.parametrize(
    "text",
    ["490154203237517", "3,53879E+14", "3.53879E+14", "4901542032375", "49015420323751012", "000000000000000",
     "1" * 16, "", "IMEI", "٤٩٠١٥٤٢٠٣٢٣٧٥١٨"],
)  # fmt: skip
def test_what_is_no_imei_or_was_mistyped_is_none(text: str) -> None:
    assert ids.imei(text) == ""


@given(digits=st.text("0123456789", min_size=14, max_size=14), version=st.text("0123456789", min_size=2, max_size=2))
@quick
def test_all_three_lengths_of_an_imei_compare_equal_and_one_wrong_digit_does_not(digits: str, version: str) -> None:
    whole = digits + str(ids.luhn(digits, 10))
    if len(set(digits)) == 1:
        assert ids.imei(whole) == ""
        return
    assert ids.imei(whole) == ids.imei(digits) == ids.imei(digits + version) == digits
    for place in range(15):
        wrong = whole[:place] + str((int(whole[place]) + 1) % 10) + whole[place + 1 :]
        assert ids.imei(wrong) == ""


def test_a_meid_is_read_in_both_its_forms_and_no_imei_passes_for_one() -> None:
    assert ids.meid("AF 01 23 45 0A BC DE") == ids.meid("AF0123450ABCDEC") == "AF0123450ABCDE"
    assert (
        ids.meid("293608736500703710") == "AF0123450ABCDE"
    )  # 3GPP2 C.R1001: 0xAF012345 = 2936087365, 0x0ABCDE = 703710
    assert ids.meid("AF0123450ABCDE1") == ""
    assert ids.meid("490154203237518") == ""
    assert ids.meid("999999999999999999") == ""
    assert [one.kind for one in ids.phone_identifiers("99000085123456")] == ["imei14", "meid14"]
    assert [one.kind for one in ids.phone_identifiers("490154203237518")] == ["imei14"]


@pytest.mark.parametrize(
    "text",
    ["0x5000c500a1b2c3d4", "5000C500A1B2C3D4", "naa.5000c500a1b2c3d4", "wwn-0x5000c500a1b2c3d4",
     "WWN: 5000c500a1b2c3d4",     "50:00:c5:00:a1:b2:c3:d4", "LU WWN 5000C500 A1B2C3D4", "eui.5000c500a1b2c3d4"],
)  # fmt: skip
def test_a_world_wide_name_is_its_digits(text: str) -> None:
    assert ids.wwn(text) == "5000C500A1B2C3D4"


@pytest.mark.parametrize("text", ["0000000000000000", "ffffffffffffffff", "5000c500a1b2c3d", "SERIAL", "", "0x"])
def test_no_world_wide_name_is_none(text: str) -> None:
    assert ids.wwn(text) == ""


def test_a_tag_loses_its_customers_prefix_but_never_all_of_itself() -> None:
    prefix = re.compile(r"KK-?")
    assert (
        ids.asset_tag(" kk-4711 ", prefix) == ids.asset_tag("KK4711", prefix) == ids.asset_tag("4711", prefix) == "4711"
    )
    assert ids.asset_tag("KK-", prefix) == "KK-"
    assert ids.asset_tag("kk 47 11") == "KK4711"
    assert ids.asset_tag("4711-KK", prefix) == "4711-KK"


def test_digits_of_a_tag_are_a_text_and_lost_zeros_are_a_suggestion() -> None:
    assert ids.asset_tag("004711") == "004711"
    assert ids.asset_tag_suggestions("004711") == ("4711",)
    assert ids.asset_tag_suggestions("0000") == ids.asset_tag_suggestions("KK-001") == ()


def test_an_eid_and_a_uuid_are_told_from_defaults() -> None:
    assert ids.eid("8904 9032 1234 5123 4512 3456 7890 1235") == "89049032123451234512345678901235"
    assert ids.eid("89049032123451234512345678901236") == ""
    assert ids.uuid("{4c4c4544-0042-3510-8052-b4c04f4a3732}") == "4C4C4544004235108052B4C04F4A3732"
    for default in ("00000000-0000-0000-0000-000000000000", "f" * 32, "03000200-0400-0500-0006-000700080009"):
        assert ids.uuid(default) == ""


@given(kind=kinds, text=anything)
@quick
def test_what_was_seen_is_kept_and_can_be_stored(kind: Kind, text: str) -> None:
    found = ids.identify(kind, text)
    if found is not None:
        assert found.kind == kind
        assert found.seen_as.encode()
        assert "\x00" not in found.seen_as
        if text.isprintable():
            assert found.seen_as == text


@given(kind=kinds)
@settings(max_examples=20, deadline=None)
def test_a_megabyte_is_no_identifier(kind: Kind) -> None:
    assert ids.identify(kind, "9" * 1_000_000) is None
    assert ids.serial("A1" * (LONGEST + 1)) == ""


@given(text=anything)
@quick
def test_a_folded_name_stays_as_it_is_and_can_be_stored(text: str) -> None:
    folded = ids.name(text)
    assert ids.name(folded) == folded
    folded.encode()


def test_a_certificate_tells_the_identifiers_of_drive_and_device() -> None:
    drive = msgspec.structs.replace(record().drive, serial="wd-WX31a12", wwn="0x5000c500a1b2c3d4")
    made = record(drive=drive, asset=Asset(tag="kk-4711", serial="PF-0XYZ12"))
    assert set(ids.identifiers_of(made)) == {
        Identifier("drive_serial", "WDWX31A12", "wd-WX31a12"),
        Identifier("wwn", "5000C500A1B2C3D4", "0x5000c500a1b2c3d4"),
        Identifier("asset_tag", "KK-4711", "kk-4711"),
        Identifier("serial", "PF0XYZ12", "PF-0XYZ12"),
    }
    assert ids.norms_of(ids.identifiers_of(made)) == {
        "drive_serial_norm": "WDWX31A12",
        "wwn_norm": "5000C500A1B2C3D4",
        "asset_serial_norm": "PF0XYZ12",
        "asset_tag_norm": "KK-4711",
        "imei14": "",
        "meid14": "",
    }


def test_a_phones_scanned_number_is_its_imei_and_no_drives_serial_number() -> None:
    drive = msgspec.structs.replace(record().drive, serial="490154203237518", identity_source="scanned")
    found = ids.identifiers_of(record(drive=drive, asset=None))
    assert found == (Identifier("imei14", "49015420323751", "490154203237518"),)
    tablet = msgspec.structs.replace(record().drive, serial="DMPX12345", identity_source="scanned")
    assert [one.kind for one in ids.identifiers_of(record(drive=tablet, asset=None))] == ["serial"]


@given(digits=st.text("0123456789ABCDEF", min_size=1, max_size=20))
@quick
def test_the_check_digit_sees_every_single_wrong_digit_in_base_sixteen_too(digits: str) -> None:
    right = ids.luhn(digits, 16)
    changed = f"{(int(digits[0], 16) + 1) % 16:X}{digits[1:]}"
    assert ids.luhn(changed, 16) != right
