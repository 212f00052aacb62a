"""The browser's own check says what the collector's says, of genuine certificates and of every damage."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from agent.certificates.certificate import TYPE, claim_of
from agent.certificates.jws import MAX_BYTES, public_jwk
from agent.certificates.record import (
    Asset,
    CapacityProof,
    CommandRecord,
    Operator,
    Record,
    SentinelRecord,
    Verification,
)
from agent.pdf import print_certificate
from agent.pdf.fonts import FOLDERS
from collector.certificates.check_words import PROBLEMS, SHAPES, VERDICTS, attributes
from collector.certificates.examine import DEEPEST, STEPS, Verdict, examine
from collector.certificates.posted import LARGEST_FILE, check_file
from collector.certificates.record_shape import FILE, script
from drivers.drives.drive import Writes
from tests.agent.samples import CAPACITY, record
from tests.collector.certificates.samples import (
    HEADER,
    KEY,
    KEYS,
    KID,
    NOTHING,
    OTHER,
    PAYLOAD,
    WHO,
    attested,
    attested_record,
    erased,
    forge,
    not_erased,
    signed,
    unread,
    with_payload,
)
from tests.collector.certificates.test_examine import HOSTILE, SLOW, mutations, nested
from tests.patience import PROGRAM_S

STATIC = Path(__file__).resolve().parents[3] / "collector/static"
HARNESS = Path(__file__).with_name("examine.mjs")
NODE = shutil.which("node")
JWK = {**public_jwk(KEY.public_key()), "kid": KID, "enrolled_at": "2026-11-01T00:00:00Z"}
GENUINE = erased()
IMPORTS = {"certificate.js": ["./record.js"], "check.js": ["./certificate.js"], "record.js": []}

with_node = pytest.mark.skipif(NODE is None, reason="no node (>= 20) on this machine")


def answers(files: Iterable[bytes], keys: Mapping[str, Any] | None = None, *how: str) -> list[dict[str, Any]]:
    """What the script says of each file, in one run of node."""
    known = {KID: JWK} if keys is None else keys
    lines = "".join(json.dumps({"file": base64.b64encode(f).decode(), "keys": known}) + "\n" for f in files)
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--no-warnings", HARNESS, STATIC / "certificate.js", *how],
        input=lines,
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def expected(data: bytes) -> str:
    return check_file("x", data, KEYS).verdict


@with_node
@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
def test_every_outcome_of_a_genuine_certificate_is_told_and_nothing_of_people(alg: str) -> None:
    made = [
        erased(),
        unread(),
        attested(),
        not_erased(),
        not_erased("failed", "BW-E60"),
        not_erased("aborted", "BW-E18"),
    ]
    files = [signed(msgspec.json.encode(one.record), alg=alg) for one in made]
    can, *told = answers(files)
    assert can == {"can": True}
    for one, file, answer in zip(made, files, told, strict=True):
        assert (answer["verdict"], answer["problem"], answer["kid"]) == ("holds", "", KID)
        assert answer["id"] == examine(file, KEYS).id
        assert answer["key"]["enrolled_at"] == "2026-11-01T00:00:00Z"
        facts = answer["facts"]
        assert (facts["claim"], facts["outcome"]) == (claim_of(one.record), one.record.outcome)
        assert facts["drive"]["serial"] == one.record.drive.serial
        assert (facts["number"], facts["station"]) == (one.record.number, "bench-01")
        for secret in ("Kolding", "LOT-7", "Ø-99", "Åse", "op-17", "KOL-00001"):
            assert secret not in json.dumps(facts, ensure_ascii=False)


@with_node
def test_hostile_files_get_the_same_word_as_from_the_collector() -> None:
    files = {name: found[0] for name, found in HOSTILE.items()} | {name: signed(data) for name, data in SLOW.items()}
    _, *told = answers(files.values())
    found = {name: answer["verdict"] for name, answer in zip(files, told, strict=True)}
    assert found == {name: expected(file) for name, file in files.items()}
    assert all(answer["problem"] for answer in told if answer["verdict"] != "holds")


@with_node
def test_a_change_of_any_byte_is_refused() -> None:
    changed = []
    for place in range(0, len(GENUINE.compact), 3):
        data = bytearray(GENUINE.compact)
        data[place] ^= 1 << (place % 8)
        changed.append(bytes(data))
    _, *told = answers(changed)
    assert {answer["verdict"] for answer in told} <= {"does_not_hold", "no_certificate", "unknown_key"}


@with_node
def test_thousands_of_changed_certificates_get_the_same_word_in_both_programs() -> None:
    files = list(mutations(seed=77, count=1200))
    _, *told = answers(files)
    differing = [
        (answer["verdict"], answer["problem"], expected(file), file)
        for file, answer in zip(files, told, strict=True)
        if answer["verdict"] != expected(file)
    ]
    assert differing == []
    assert "raised" not in {answer["verdict"] for answer in told}


def claims() -> Iterable[tuple[str, Record]]:
    """Records that a program which lies would sign, each with one thing that its claim does not have."""
    full, done = record().verification, record().sanitization
    first = done.passes[0]
    change = msgspec.structs.replace
    yield "unreached", record(unreached=({"offset": 0, "bytes": 512, "reason": "x"},))
    yield "no pass", record(sanitization=change(done, passes=()))
    yield "half a pass", record(sanitization=change(done, passes=(change(first, bytes=512),)))
    yield "an open pass", record(sanitization=change(done, passes=(change(first, finished_at=None),)))
    yield "a counterfeit", record(capacity_proof=CapacityProof(result="failed"))
    yield "mismatches", record(verification=change(full, mismatches=({"offset": 0, "bytes": 1},)))
    for result in ("failed", "not-run"):
        yield f"verification {result}", record(verification=change(full, result=result))
    yield "half read", record(verification=change(full, bytes=CAPACITY // 2))
    yield "another hash", record(verification=change(full, blake3="cd" * 32))
    yield "others wrote", record(verification=change(full, writes=Writes(ours=1, seen=2)))
    yield "no sample", record(verification=change(full, kind="sample", bytes=512))
    yield "a level without erased", record(outcome="failed")
    firmware = change(done, technique="ata-sanitize-crypto", passes=())
    command = CommandRecord(name="x", bytes="00", status="completed", raw="")
    yield "no completed command", record(sanitization=change(firmware, commands=(change(command, status="sent"),)))
    yield "no sentinel", record(sanitization=change(firmware, commands=(command,)))
    for sentinels in (SentinelRecord(count=3, survived=1), SentinelRecord(count=3, unreadable=1)):
        yield (
            f"sentinels {sentinels}",
            record(sanitization=change(firmware, commands=(command,)), verification=change(full, sentinels=sentinels)),
        )
    phone = attested_record()
    yield (
        "attested with a read-back",
        attested_record(verification=Verification(kind="none", result="not-run", bytes=1)),
    )
    yield "attested by another", attested_record(operator=Operator(id="op-18"))
    yield "attested without checks", attested_record(attestation=change(_said(phone), checks=()))
    yield "attested with a no", attested_record(attestation=change(_said(phone), checks=_said(phone).checks[:3]))
    yield "attested without a tag", attested_record(asset=Asset(tag=""))
    yield "attested, purge", attested_record(sanitization=change(phone.sanitization, level="purge"))
    yield "attested, with a pass", attested_record(sanitization=change(phone.sanitization, passes=(first,)))
    yield "attested technique alone", record(sanitization=change(done, technique="attested factory reset"))
    yield "an attestation alone", record(attestation=_said(phone), **WHO)


def _said(phone: Record) -> Any:  # noqa: ANN401 - a field that may be null elsewhere
    return phone.attestation


@with_node
def test_what_claims_more_than_it_shows_is_refused_by_both_for_the_same_reason() -> None:
    names, files = zip(*((name, signed(msgspec.json.encode(made))) for name, made in claims()), strict=True)
    _, *told = answers(files)
    for name, file, answer in zip(names, files, told, strict=True):
        found = examine(file, KEYS)
        assert (name, answer["verdict"]) == (name, "does_not_hold")
        assert (name, found.verdict) == (name, "does_not_hold")
        if "technique" not in answer["problem"]:
            assert (name, answer["problem"]) == (name, found.problem)


@with_node
def test_what_firmware_did_and_what_was_sampled_holds_in_both() -> None:
    command = CommandRecord(name="x", bytes="00", status="completed: ok", raw="")
    firmware = msgspec.structs.replace(record().sanitization, technique="nvme-sanitize", passes=(), commands=(command,))
    read = msgspec.structs.replace(record().verification, sentinels=SentinelRecord(count=64))
    files = [signed(msgspec.json.encode(record(sanitization=firmware, verification=read)))]
    files += [signed(msgspec.json.encode(record(outcome="refused", sanitization=NOTHING)))]
    files += [nested(DEEPEST - 1), with_payload(colour="blue", customer=None)]
    assert [expected(file) for file in files] == ["holds"] * 4
    assert [answer["verdict"] for answer in answers(files)[1:]] == ["holds"] * 4


@with_node
def test_files_as_people_have_them() -> None:
    bomb = b"6 0 obj\n<<\n/Filter /FlateDecode\n/Type /EmbeddedFile\n>>\nstream\n"
    files = [
        GENUINE.compact + b"\n",
        GENUINE.compact + b"\r\n",
        print_certificate(GENUINE, folders=FOLDERS).data,
        print_certificate(GENUINE, folders=()).data,
        b"%PDF-1.7\nnothing",
        b"%PDF-1.7\n" + bomb + b"\x00" * 100,
        print_certificate(GENUINE, folders=()).data * 2,
        b"",
        b"x" * (MAX_BYTES + 1),
        b"%PDF-" + b"x" * LARGEST_FILE,
    ]
    _, *told = answers(files)
    assert [answer["verdict"] for answer in told] == ["holds"] * 4 + ["no_certificate"] * 6
    assert {answer["id"] for answer in told[:4]} == {GENUINE.id}


@with_node
def test_another_key_under_the_known_name_is_seen() -> None:
    theirs = forge({**HEADER, "kid": KID}, PAYLOAD, OTHER)
    _, given = answers([theirs], {KID: public_jwk(OTHER.public_key())})
    assert given["verdict"] == "unknown_key"
    _, unknown = answers([GENUINE.compact], {})
    assert unknown["verdict"] == "unknown_key"
    no_keys: list[Any] = [{}, {"kty": "EC", "crv": "P-256"}, {**JWK, "x": "AAAA"}, {**JWK, "x": 7}, []]
    for no_key in no_keys:
        assert answers([GENUINE.compact], {KID: no_key})[1]["verdict"] == "unknown_key"


@with_node
@pytest.mark.parametrize("how", ["without", "lying"])
def test_a_browser_that_cannot_check_says_so_and_claims_nothing(how: str) -> None:
    can, answer = answers([GENUINE.compact], None, how)
    assert can == {"can": False}
    assert (answer["verdict"], answer["facts"]) == ("cannot_check", None)


@pytest.mark.parametrize("name", IMPORTS)
def test_the_scripts_need_nothing_that_a_strict_page_forbids_and_nothing_from_elsewhere(name: str) -> None:
    source = (STATIC / name).read_text(encoding="utf-8")
    code = re.sub(r"//.*|/\*[^*]*\*/", "", source)
    forbidden = r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacent|document\.write|\.style\b|https?:|import\("
    assert re.findall(forbidden, code) == []
    assert re.findall(r'from "([^"]+)"', code) == IMPORTS[name]


def test_both_programs_have_the_same_limits_and_the_same_type() -> None:
    source = (STATIC / "certificate.js").read_text(encoding="utf-8")
    assert f'const TYPE = "{TYPE}"' in source
    limits = dict(re.findall(r"export const ([A-Z_]+) = ([0-9 *]+);", source))
    assert {name: _product(told) for name, told in limits.items()} == {
        "MOST_BYTES": MAX_BYTES,
        "MOST_OF_A_PAGE": LARGEST_FILE,
        "DEEPEST": DEEPEST,
    }


def test_every_verdict_and_every_code_of_both_programs_has_its_words() -> None:
    source = (STATIC / "certificate.js").read_text(encoding="utf-8") + (STATIC / "check.js").read_text(encoding="utf-8")
    codes = set(re.findall(r'(?:noCertificate|doesNotHold)\("(\w+)"|code: "(\w+)"|"unknown_key", "(\w+)"', source))
    assert {code for found in codes for code in found if code} | set(STEPS) <= PROBLEMS.keys()
    assert VERDICTS.keys() == SHAPES.keys() == {*get_args(Verdict), "cannot_check"}
    assert len(set(SHAPES.values())) == len(SHAPES)
    for pair in (*VERDICTS.values(), *PROBLEMS.values()):
        assert all(pair)
        assert pair[0] != pair[1]
    for language in ("da", "en"):
        told = attributes(language)
        assert told["data-word-fact-claim-unread"] in ("Slettet, ikke læst tilbage", "Erased, not read back")
        assert all(re.fullmatch(r"data-[a-z0-9_-]+", name) for name in told)


def test_the_shape_of_the_record_is_todays() -> None:
    """Else: python -m collector.certificates.record_shape."""
    assert FILE.read_text(encoding="utf-8") == script()


def _product(told: str) -> int:
    found = 1
    for factor in told.split("*"):
        found *= int(factor)
    return found
