"""What stations say beside certificates: kept with its bytes, receipted after COMMIT, and never lost."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from agent.certificates import jws, receipt
from agent.certificates.certificate import sign
from agent.certificates.jws import public_jwk, public_key_from_jwk, thumbprint
from agent.certificates.keys import load_or_make
from collector.fleet.live import Live
from collector.intake.judge import Rejected, Stated, delivery, judge
from collector.intake.keeping import keep
from collector.intake.models import Quarantine, Statement
from collector.intake.statements import DISPOSITION, Keys, latest
from collector.intake.taking import read_event
from collector.moments import text
from tests.collector.conftest import Broker, Collector, StationClient, chain_of, record, wait_for
from tests.collector.house import House, enrolled_by
from tests.collector.test_web import Site
from tests.patience import PROGRAM_S

KEY = Ed25519PrivateKey.generate()
KID = thumbprint(KEY.public_key())
WHEN = "2026-11-22T20:00:00Z"
REPOSITORY = Path(__file__).resolve().parents[2]


def keys_of(_station: str) -> Keys:
    return {KID: KEY.public_key()}


def statement(
    certificate: str = "c" * 64,
    *,
    key: Ed25519PrivateKey = KEY,
    typ: str = DISPOSITION,
    grade: str = "A",
    **facts: Any,  # noqa: ANN401 - JSON
) -> bytes:
    told = {
        "station": "bench-01", "certificate_id": certificate, "boot_id": "b1", "seq": 1, "at": WHEN,
        "disposition": {"grade": grade, "destination": "Web shop", "notes": ""},
        "operator": {"id": "ida", "name": "Ida"},
    }  # fmt: skip
    return jws.sign(json.dumps({**told, **facts}).encode(), key, typ=typ)


def name_of(compact: bytes) -> str:
    return hashlib.sha256(compact).hexdigest()


def verdict(compact: bytes, name: str = "") -> Stated | Rejected:
    message = delivery(f"er/1/bench-01/statement/{name or name_of(compact)}", compact)
    assert message is not None
    found = judge(message, keys_of)
    assert isinstance(found, Stated | Rejected)
    return found


def test_a_statement_is_kept_once_with_its_exact_bytes(each_house: House) -> None:
    compact = statement()
    book = enrolled_by("bench-01", KEY)
    first, again = keep([verdict(compact), verdict(compact)], book)
    (later,) = keep([verdict(compact)], book)
    assert [s.result for s in (first, again, later)] == ["stored", "duplicate", "duplicate"]
    assert later.stored_at == first.stored_at
    (row,) = Statement.objects.all()
    assert (row.sha256, row.station_id, row.typ) == (name_of(compact), "bench-01", DISPOSITION)
    assert (bytes(row.body), row.certificate, text(row.received_at)) == (compact, "c" * 64, first.stored_at)


def test_certificates_and_statements_share_a_batch(each_house: House) -> None:
    (one,) = chain_of(KEY, 1)
    about = delivery(f"er/1/bench-01/cert/{one.id}", one.compact)
    assert about is not None
    stored = keep([verdict(statement(one.id)), judge(about, keys_of), verdict(b"x")], enrolled_by("bench-01", KEY))
    assert [s.result for s in stored] == ["stored", "stored", "rejected"]


@pytest.mark.parametrize("typ", ["benchwipe-device-intake+jws", "benchwipe-box+jws", "benchwipe-destination+jws"])
def test_a_kind_that_only_a_later_station_knows_is_kept_too(each_house: House, typ: str) -> None:
    assert [
        s.result for s in keep([verdict(statement(typ=typ, certificate_id=None))], enrolled_by("bench-01", KEY))
    ] == ["stored"]


WRONG = {
    "a stranger's": (statement(key=Ed25519PrivateKey.generate()), "unknown key"),
    "another station's": (statement(station="bench-02"), "it was signed as station 'bench-02'"),
    "a certificate": (sign(record(), KEY).compact, "is no statement's"),
    "a command": (statement(typ="benchwipe-command+jws"), "is no statement's"),
    "of a foreign type": (statement(typ="JWT"), "is no statement's"),
    "no object": (jws.sign(b"[1]", KEY, typ=DISPOSITION), "not a JSON object"),
    "no JWS": (b"{}", "three parts"),
    "nested": (jws.sign(b"[" * 40_000, KEY, typ=DISPOSITION), "not a JSON object"),
}


@pytest.mark.parametrize(("compact", "why"), WRONG.values(), ids=WRONG)
def test_what_is_no_statement_of_that_station_goes_to_quarantine(each_house: House, compact: bytes, why: str) -> None:
    (stored,) = keep([verdict(compact)], enrolled_by("bench-01", KEY))
    assert (stored.result, why in stored.reason) == ("rejected", True), stored.reason
    assert (Quarantine.objects.count(), Statement.objects.count()) == (1, 0)


def test_the_grade_that_counts_is_the_last_of_the_last_boot() -> None:
    first, second = statement(grade="A", seq=1), statement(grade="B", seq=2)
    later = statement(grade="C", seq=1, boot_id="b2")
    assert [d.grade for d in (latest([first, second]), latest([second, first])) if d] == ["B", "B"]
    assert (found := latest([first, second, later])) is not None
    assert (found.grade, found.by) == ("C", "Ida")
    assert latest([]) is None
    assert latest([b"x"]) is None


def test_the_certificates_page_shows_the_grade_that_was_signed_afterwards(house: House) -> None:
    site = Site(house)
    (one,) = chain_of(site.key, 1)
    site.put(one)
    assert "signed afterwards" not in site.text(f"/certificates/{one.id}")
    given = [statement(one.id, key=site.key, grade="B"), statement(one.id, key=site.key, grade="<b>", seq=2)]
    found = [judge(d, lambda _: {site.kid: site.public}) for c in given if (d := delivery(topic(c), c))]
    keep(found, enrolled_by("bench-01", site.key))
    page = site.text(f"/certificates/{one.id}")
    assert "Grade and destination, signed afterwards" in page
    assert "&lt;b&gt;, Web shop" in page
    told = site.client.get(f"/api/v1/certificates/{one.id}").json()["given"]
    assert told == {"grade": "<b>", "destination": "Web shop", "at": WHEN, "by": "Ida"}


def topic(compact: bytes) -> str:
    return f"er/1/bench-01/statement/{name_of(compact)}"


@given(suffix=st.sampled_from(["statement/" + "a" * 64, "event", "state", "birth", "bay/1/state", "alarm/x"]),
       payload=st.binary(max_size=200) | st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.none()))
       .map(lambda facts: json.dumps(facts).encode()) | st.just(b"[" * 60_000))  # fmt: skip
def test_no_message_ends_a_thread_of_the_collector(suffix: str, payload: bytes) -> None:
    topic_ = f"er/1/bench-01/{suffix}"
    Live().read(topic_, payload)
    read_event(topic_, payload)
    if (message := delivery(topic_, payload)) is not None:
        assert isinstance(judge(message, keys_of), Rejected)


# --- The whole of it ------------------------------------------------------------------------------------------------


def test_every_receipt_is_signed_with_the_key_that_the_command_shows(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey
) -> None:
    collector.enrol("bench-01", key)
    (one,), said = chain_of(key, 1), statement(key=key)
    station.deliver(one)
    station.publish(f"statement/{name_of(said)}", said)
    station.publish("cert/garbage", b"x")
    shown = show_key(collector)
    trusted = {thumbprint(shown): shown}
    for name, result in ((one.id, "stored"), (name_of(said), "stored"), ("garbage", "rejected")):
        (told,) = station.wait(name)
        assert (told.result, receipt.doubt(told, "bench-01", name, trusted)) == (result, "")
        assert receipt.doubt(told, "bench-02", name, trusted) != ""
    private = collector.folder / "keys" / "receipt.key"
    assert private.stat().st_mode & 0o777 == 0o600
    collector.terminate()
    private.chmod(0o644)
    collector.write()
    done = subprocess.run(serve(collector), capture_output=True, text=True, check=False, timeout=PROGRAM_S)
    assert (done.returncode, "open to others" in done.stderr, "BW-C03" in done.stderr) == (2, True, True)


def show_key(collector: Collector, *words: str) -> Any:  # noqa: ANN401 - a public key
    command = [sys.executable, "-m", "collector.cli", "key", "show", "--config", str(collector.config), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PROGRAM_S)
    return public_key_from_jwk(json.loads(done.stdout))


def serve(collector: Collector) -> list[str]:
    return [sys.executable, "-m", "collector.cli", "serve", "--config", str(collector.config)]


def test_the_key_is_made_by_whoever_comes_first_and_stays(tmp_path: Path) -> None:
    collector = Collector(tmp_path, 1)
    collector.write()
    first = show_key(collector)
    assert public_jwk(show_key(collector, "--use", "receipt")) == public_jwk(first)
    assert (tmp_path / "keys" / "receipt.key").exists()
    collector.config.write_text('stations_dir = "elsewhere/stations"\n')
    (tmp_path / "elsewhere").mkdir()
    assert public_jwk(show_key(collector)) != public_jwk(first)
    assert (tmp_path / "elsewhere" / "keys").stat().st_mode & 0o777 == 0o700


STATION = """
import sys, time
from pathlib import Path
from tests.agent.uplink.uplink_bench import Bench
bench = Bench(Path(sys.argv[1]), int(sys.argv[2]))
bench.uplink()
for _ in range(int(sys.argv[3])):
    for name in bench.state(1):
        print(name, flush=True)
    time.sleep(0.01)
time.sleep(600)
"""


def test_no_statement_is_lost_to_kill_9_of_broker_collector_and_station(tmp_path: Path, broker: Broker) -> None:
    """800 of 800 were, when a grade went as an event alone."""
    dice, state, said = random.Random(7), tmp_path / "state", tmp_path / "said"
    state.mkdir(mode=0o700)
    collector = Collector(tmp_path, broker.port)
    collector.enrol("bench-01", load_or_make(state))
    collector.start()
    station: subprocess.Popen[bytes] | None = None
    try:
        for _ in range(3):
            with said.open("ab") as out:
                command = [sys.executable, "-c", STATION, str(state), str(broker.port), "60"]
                station = subprocess.Popen(command, stdout=out, cwd=REPOSITORY)
            before = said.read_bytes().count(b"\n")
            wait_for(lambda n=before: said.read_bytes().count(b"\n") > n + 5, 30, "it states")  # type: ignore[misc]
            time.sleep(dice.uniform(0.0, 0.4))
            collector.kill()
            time.sleep(dice.uniform(0.0, 0.3))
            broker.kill()
            station.send_signal(signal.SIGKILL)
            station.wait()
            broker.start()
            collector.start()
        station = subprocess.Popen([sys.executable, "-c", STATION, str(state), str(broker.port), "0"], cwd=REPOSITORY)
        stated = set(said.read_text().split())

        def missing() -> set[str]:
            return stated - {str(row[0]) for row in collector.rows("SELECT sha256 FROM intake_statement")}

        wait_for(lambda: not missing(), 60, "every statement arrives")
        assert len(stated) > 15
    finally:
        collector.kill()
        if station is not None:
            station.kill()
            station.wait()
