"""A line a side: a code at the collector, a command at the station, and then its certificates arrive."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import tomllib
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.certificates.attestation import QUESTIONS
from agent.certificates.enrolment import ENROL, ENROL_PATH, LETTERS, ask, read_code
from agent.certificates.jws import public_jwk
from agent.certificates.keys import new_pem
from agent.enrolment.collector_tls import find, read_address
from agent.enrolment.enrol import asked, request, tls_key
from agent.enrolment.errors import EnrolmentRefused
from collector.errors import EnrolmentError
from collector.moments import now
from collector.parties.services import Actor
from tests.collector.conftest import wait_for
from tests.collector.fleet.rig import STATION, Bench, Fleet, peer
from tests.patience import PROGRAM_S, SOON_S


@pytest.fixture(scope="module")
def enrolled(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A station that is known: nobody changes it."""
    one = Bench(tmp_path_factory.mktemp("enrolled"), "bench-07")
    done = one.enrol(fleet.url, fleet.collector.command("station", "invite", "bench-07"))
    assert done.returncode == 0, done.stderr
    return one


def test_a_code_and_a_command_and_the_first_certificate_arrives(fleet: Fleet, enrolled: Bench) -> None:
    checked = enrolled.run("check")
    assert (checked.returncode, "all well" in checked.stderr) == (0, True), checked.stderr
    assert "does not answer" not in checked.stderr
    command = [*STATION, "run", "--config", str(enrolled.config)]
    daemon = subprocess.Popen([*command, "--state-dir", str(enrolled.state)], stderr=subprocess.DEVNULL)
    try:
        answers = [word for check in QUESTIONS for word in ("--yes-to", check)]
        said = enrolled.run("attest", "--imei", "490154203237518", "--asset", "K-1", "--operator", "ida", *answers)
        assert said.returncode == 0, said.stderr
        stored = "SELECT station_id FROM intake_certificate"
        wait_for(lambda: fleet.collector.rows(stored) == [("bench-07",)], what="the certificate is stored")
        waiting = [*STATION, "outbox", "list", "--json", "--state-dir", str(enrolled.state)]
        empty = '"id"'
        wait_for(lambda: empty not in subprocess.check_output(waiting, text=True), what="the signed receipt came")
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(SOON_S)


def test_what_is_written_is_owned_and_moded_as_the_daemon_needs_it(enrolled: Bench) -> None:
    owner = enrolled.state.stat().st_uid
    assert {path.stat().st_uid for path in [enrolled.folder, *enrolled.folder.iterdir()]} == {owner}
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in enrolled.folder.iterdir()}
    assert modes.pop("station.key") == 0o600
    assert set(modes.values()) == {0o644}
    assert stat.S_IMODE(enrolled.folder.stat().st_mode) == 0o700
    text = enrolled.config.read_text()
    assert "# A bench of ours." in text
    assert "# its name" in text
    told = tomllib.loads(text)
    assert told["station"]["certificate_url"].endswith("/certificates/")
    assert told["bay"] == [{"name": "A1", "port": "/dev/loop250"}]


def test_the_code_holds_the_hash_of_the_authoritys_key(fleet: Fleet) -> None:
    authority = x509.load_pem_x509_certificate((fleet.folder / "keys/ca.crt").read_bytes()).public_key()
    import hashlib

    held = hashlib.sha256(authority.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    assert fleet.code("bench-40").endswith(f":{held}")


def test_a_code_is_good_once(fleet: Fleet, tmp_path: Path) -> None:
    bench, other, code = Bench(tmp_path / "a", "bench-08"), Bench(tmp_path / "b", "bench-08"), fleet.code("bench-08")
    assert bench.enrol(fleet.url, code).returncode == 0
    before = other.files()
    for again in (bench, other):
        done = again.enrol(fleet.url, code)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "it was used" in done.stderr
    assert other.files() == before


def test_enrolled_again_with_a_new_code_it_has_one_of_everything(fleet: Fleet, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "bench-09")
    for _ in range(2):
        assert bench.enrol(fleet.url, fleet.code("bench-09")).returncode == 0
    assert bench.config.read_text().count("[mqtt]\n") == 1
    assert bench.folder.is_dir()  # one alone
    assert bench.run("check").returncode == 0


def test_ten_wrong_tries_lock_a_code(fleet: Fleet, tmp_path: Path) -> None:
    bench, code = Bench(tmp_path, "bench-10"), read_code(fleet.code("bench-10"))
    trusted = find(read_address(fleet.url), code.authority)
    for wrong in LETTERS[:10]:
        about = request("bench-10", code.authority, tls_key(), Ed25519PrivateKey.generate(), wrong * 15)
        key = Ed25519PrivateKey.generate()
        about = msgspec.structs.replace(about, key=public_jwk(key.public_key()))
        with pytest.raises(EnrolmentRefused, match="does not open anything"):
            asked(trusted, ENROL_PATH, ask(about, key, typ=ENROL))
    done = bench.enrol(fleet.url, code.text)
    assert (done.returncode, "locked by ten wrong tries" in done.stderr) == (2, True)
    assert bench.enrol(fleet.url, fleet.code("bench-10")).returncode == 0


def test_another_signing_key_of_a_known_station_waits_for_a_persons_yes(fleet: Fleet, tmp_path: Path) -> None:
    bench, stranger = Bench(tmp_path / "a", "bench-11"), Bench(tmp_path / "b", "bench-11")
    assert bench.enrol(fleet.url, fleet.code("bench-11")).returncode == 0
    done = stranger.enrol(fleet.url, fleet.code("bench-11"), "--wait", "1")
    assert (done.returncode, "nobody has said yes" in done.stderr) == (2, True)
    assert "[mqtt]" not in stranger.config.read_text()
    fleet.decide("bench-11", accepted=False)

    code, answers = fleet.code("bench-11"), []
    waiting = threading.Thread(target=lambda: answers.append(stranger.enrol(fleet.url, code)))
    waiting.start()
    asked = "SELECT 1 FROM fleet_waitingkey WHERE decided_at IS NULL"
    wait_for(lambda: fleet.collector.rows(asked), what="the key waits")
    assert answers == []
    fleet.decide("bench-11", accepted=True)
    waiting.join(SOON_S)
    assert answers[0].returncode == 0, answers[0].stderr


def test_a_server_that_is_not_the_codes_hears_nothing(fleet: Fleet, enrolled: Bench, tmp_path: Path) -> None:
    """It has a certificate of another authority, and notes every byte that comes out of TLS."""
    import ssl

    heard: list[bytes] = []
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "k", "-out", "c"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
                with context.wrap_socket(plain, server_side=True) as tls:
                    heard.append(tls.recv(4096))
            except ssl.SSLError:
                continue
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    bench, code = Bench(tmp_path / "x", "bench-12"), fleet.code("bench-12")
    before = bench.files()
    done = bench.enrol(f"https://localhost:{listener.getsockname()[1]}", code)
    listener.close()
    assert done.returncode == 2
    assert "is not the collector that this code is from" in done.stderr
    assert [said for said in heard if said] == []
    assert bench.files() == before
    assert bench.enrol(fleet.url, code).returncode == 0, "the code was not used by that"


def test_a_station_whose_files_cannot_be_written_changes_nothing_and_keeps_its_code(
    fleet: Fleet, tmp_path: Path
) -> None:
    bench, code = Bench(tmp_path, "bench-13"), fleet.code("bench-13")
    bench.config.write_text(
        'mqtt = { host = "old" }\n[station]\nid = "bench-13"\n[[bay]]\nname="A1"\nport="/dev/loop250"\n'
    )
    before = bench.files()
    done = bench.enrol(fleet.url, code)
    assert (done.returncode, "no program changes" in done.stderr) == (2, True), done.stderr
    assert bench.files() == before
    bench.config.write_text('[station]\nid = "bench-13"\n[[bay]]\nname="A1"\nport="/dev/loop250"\n')
    assert bench.enrol(fleet.url, code).returncode == 0


def test_no_code_no_terminal_an_open_file_and_a_plain_address_are_one_line_each(fleet: Fleet, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "bench-14")
    loose = tmp_path / "loose"
    loose.write_text("x")
    loose.chmod(0o644)
    for words, told in (
        (["enrol", fleet.url], "--code-file"),
        (["enrol", fleet.url, "--code-file", str(loose)], "chmod 600"),
        (["enrol", fleet.url.replace("https", "http")], "https://HOST"),
        (["enrol", "https://localhost:1", "--code-file", "/nowhere"], "/nowhere"),
    ):
        done = bench.run(*words)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert told in done.stderr


def test_a_stations_name_may_not_be_the_collectors_own(fleet: Fleet) -> None:
    for name in ("collector", "collector-web", "controller", "a/b", "+"):
        with pytest.raises(EnrolmentError):
            fleet.code(name)


def test_a_kill_at_any_moment_leaves_the_old_enrolment_or_the_new_one(fleet: Fleet, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "bench-15")
    assert bench.enrol(fleet.url, fleet.code("bench-15")).returncode == 0
    file = bench.config.parent / "code"
    command = [*STATION, "enrol", fleet.url, "--code-file", str(file)]
    command += ["--config", str(bench.config), "--state-dir", str(bench.state)]
    for part in range(1, 5):
        file.write_text(fleet.code("bench-15"))
        started = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            started.wait(0.5 * part)
        except subprocess.TimeoutExpired:
            os.kill(started.pid, signal.SIGKILL)
            started.wait()
        assert bench.run("check").returncode == 0
        told = tomllib.loads(bench.config.read_text())["mqtt"]
        with peer(fleet.broker_port, (bench.config.parent / told["tls"]["ca"]).parent, "bench-15") as one:
            assert one.events == ["connected"]
    assert bench.enrol(fleet.url, fleet.code("bench-15")).returncode == 0
    assert bench.folder.is_dir()  # what was left half done is swept


def test_an_expired_certificate_is_renewed_by_the_signing_key_for_a_year(fleet: Fleet, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "bench-16")
    assert bench.enrol(fleet.url, fleet.code("bench-16")).returncode == 0
    first, key = (bench.folder / "station.crt").read_bytes(), (bench.folder / "station.key").read_bytes()
    expired_for(fleet, "bench-16", days=364)
    done = renewed(bench)
    assert done.returncode == 0, done.stderr
    assert (bench.folder / "station.crt").read_bytes() != first
    assert (bench.folder / "station.key").read_bytes() == key
    with peer(fleet.broker_port, bench.folder, "bench-16") as one:
        assert one.events == ["connected"]

    expired_for(fleet, "bench-16", days=366)
    done = renewed(bench)
    assert (done.returncode, "expired over a year ago" in done.stderr) == (1, True)
    expired_for(fleet, "bench-16", days=1)
    (bench.state / "station.key").write_bytes(new_pem())  # another key is another station's
    done = renewed(bench)
    assert (done.returncode, "not known by this signing key" in done.stderr) == (1, True)


def test_a_revoked_station_renews_nothing(fleet: Fleet, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "bench-17")
    assert bench.enrol(fleet.url, fleet.code("bench-17")).returncode == 0
    with fleet.collector.database_open():
        from collector.fleet import services

        services.revoke(Actor("test"), "bench-17")
    before = bench.files()
    done = renewed(bench)
    assert (done.returncode, "was revoked" in done.stderr) == (1, True)
    assert bench.files() == before


def expired_for(fleet: Fleet, station: str, *, days: int) -> None:
    with fleet.collector.database_open():
        from collector.fleet.models import TlsCertificate

        TlsCertificate.objects.filter(station=station).update(ends_at=now() - timedelta(days=days))


def renewed(bench: Bench) -> subprocess.CompletedProcess[str]:
    """What the daemon starts when it is time."""
    command = [sys.executable, "-m", "agent.enrolment.renew", str(bench.folder), str(bench.state)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROGRAM_S)
