"""`benchwipe attest`: who, which device, every answer; or one line and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.certificates.attestation import QUESTIONS
from agent.certificates.certificate import read_unverified
from agent.jobs.label_proof import LabelState
from agent.jobs.ledger import Ledger
from tests.agent.commands.conftest import Call

IMEI = "490154203237518"
WHO = ("--asset", "KK-004711", "--operator", "ida")
YES = tuple(word for question in QUESTIONS for word in ("--yes-to", question))


def test_every_yes_makes_a_certificate_that_says_attested(call: Call, tmp_path: Path) -> None:
    done = call("attest", "--imei", "49-015420-323751-8", *WHO, *YES, "--json", "--certificate-dir", tmp_path / "out")
    assert done.status == 0, done.complaint
    told = done.document
    assert (told["outcome"], told["attested"], told["reason"]) == ("erased", True, None)
    file = Path(told["certificate_file"])
    assert file == tmp_path / "out" / f"{told['certificate_id']}.jws"
    record = read_unverified(file.read_bytes()).record
    assert (record.drive.serial, record.asset.tag if record.asset else "") == (IMEI, "KK-004711")
    assert "ATTESTED, NOT MEASURED" in call("certificate", "show", file).out


def test_a_no_ends_with_1_and_claims_nothing(call: Call) -> None:
    done = call("attest", "--serial", "SN-1", "--kind", "tablet", *WHO, "--no-to", "account-removed", "--json")
    assert done.status == 1
    assert (done.document["outcome"], done.document["attested"]) == ("aborted", False)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--imei", "490154203237519", *WHO, *YES), "check digit"),
        (("--imei", "12", *WHO, *YES), "15 digits"),
        ((*WHO, *YES), "--imei"),
        (("--imei", IMEI, "--serial", "S", *WHO, *YES), "--imei"),
        (("--imei", IMEI, *WHO, *YES[:-2]), "no answer to cards-removed"),
        (("--imei", IMEI, *WHO, "--yes-to", "everything"), "allowed is one of account-removed"),
        (("--imei", IMEI, *WHO, *YES, "--no-to", "reset-done"), "answered with yes and with no"),
        (("--imei", IMEI, "--asset", "KK-1", *YES), "--operator"),
    ],
)
def test_what_is_missing_or_wrong_is_one_line_and_nothing_is_written(
    call: Call, tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    done = call("attest", *words)
    assert done.status == 2
    assert complaint in done.complaint
    assert not list(tmp_path.glob("state/certificates/*"))


def test_where_the_configuration_knows_people_it_must_be_one_of_them(call: Call, tmp_path: Path) -> None:
    config = tmp_path / "people.toml"
    config.write_text('[[operator]]\nbadge = "BADGE-7"\nid = "ida"\nname = "Ida"\n', "utf-8")
    device = ("--imei", IMEI, "--asset", "KK-1", *YES, "--config", config)
    assert "allowed is one of ida" in call("attest", *device, "--operator", "bo").complaint
    done = call("attest", *device, "--operator", "BADGE-7", "--json")
    assert done.status == 0
    record = read_unverified(Path(done.document["certificate_file"]).read_bytes()).record
    assert (record.operator.id, record.operator.name) == ("ida", "Ida") if record.operator else False


def test_on_a_terminal_the_checks_are_asked_in_the_stations_language_until_a_no(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(words: str, **how: object) -> str:
        asked.append(words)
        return "ja" if len(asked) < 3 else "nej"

    monkeypatch.setattr("agent.commands.work.terminal.is_terminal", lambda _: True)
    monkeypatch.setattr("click.prompt", answer)
    done = call("attest", "--imei", IMEI, *WHO, "--json")
    assert (done.status, done.document["outcome"]) == (1, "aborted")
    assert [words[:10] for words in asked] == ["Er enheden", "Er nulstil", "Viser enhe"]


LOTS = """
[[customer]]
name = "Kolding Kommune"

[[lot]]
code = "LOT-1"
customer = "Kolding Kommune"
reference = "Order 4711"
"""


@pytest.mark.parametrize(
    ("words", "whose"),
    [
        (("--lot", "LOT-1"), ("Kolding Kommune", "LOT-1", "Order 4711")),
        (("--lot", "LOT-1", "--customer", "Kolding Kommune"), ("Kolding Kommune", "LOT-1", "Order 4711")),
        (("--customer", "Kolding Kommune"), ("Kolding Kommune", "", "")),
        ((), None),
    ],
)
def test_whose_device_it_was_stands_on_the_certificate(
    call: Call, tmp_path: Path, words: tuple[str, ...], whose: tuple[str, str, str] | None
) -> None:
    config = tmp_path / "lots.toml"
    config.write_text(LOTS, "utf-8")
    done = call("attest", "--imei", IMEI, *WHO, *YES, *words, "--config", config, "--json")
    assert (done.status, done.document["label"]) == (0, None)
    found = read_unverified(Path(done.document["certificate_file"]).read_bytes()).record.customer
    assert ((found.name, found.lot, found.reference) if found else None) == whose


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--lot", "LOT-2"), "allowed is one of LOT-1"),
        (("--lot", "LOT-1", "--customer", "Odense"), "lot LOT-1 is of Kolding Kommune, not of Odense"),
        (("--customer", "Odense"), "allowed is one of Kolding Kommune"),
    ],
)
def test_an_unknown_lot_or_customer_is_refused_and_nothing_is_written(
    call: Call, tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    config = tmp_path / "lots.toml"
    config.write_text(LOTS, "utf-8")
    done = call("attest", "--imei", IMEI, *WHO, *YES, *words, "--config", config)
    assert done.status == 2
    assert complaint in done.complaint
    assert not list(tmp_path.glob("state/certificates/*"))


def test_without_a_daemon_its_label_waits_in_the_ledger_for_one(call: Call, tmp_path: Path) -> None:
    config = tmp_path / "printer.toml"
    config.write_text('[[printer]]\nname = "labels"\ndriver = "simulated"\nsettings = { folder = "labels" }\n', "utf-8")
    done = call("attest", "--imei", IMEI, *WHO, *YES, "--config", config, "--json")
    assert (done.status, done.document["label"]) == (0, "due")
    ledger = Ledger(Path(done.document["certificate_file"]).parents[1])
    rows = ledger.labels.of(done.document["number"])
    ledger.close()
    assert [(row.printer, row.state, row.copy) for row in rows] == [("labels", LabelState.DUE, 0)]
