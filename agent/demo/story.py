"""What happens in the demo, told as it happens, and the checks that it happened."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.certificates.certificate import payload_bytes
from agent.demo import media
from agent.demo.bench import BAD_RANGES, DRIVES, DemoDrive, Files
from agent.demo.programs import DemoFailed, beside_python, broker, free_port, program, wait_until
from agent.demo.visitor import Visitor
from agent.devices.control import NotRunning, ask

MB_PER_S = 12.0
ERASE_S = 45.0
CALL_S = 180.0  # the first command on a new database lays all its tables: seconds, on a busy machine a minute
SAID = "benchwipe.effects: "  # in the log, before each sentence that was said at the bench
BADGE, LOT = "BADGE-1", "LOT-2026-47"


class Story:
    """One run of the demo."""

    def __init__(self, files: Files, *, serve: bool) -> None:
        self.files = files
        self.serve = serve
        self.began = time.monotonic()
        self.web = free_port()
        self._live = sys.stdout.isatty()

    def run(self) -> None:
        """Run everything, from empty folder to table. DemoFailed at the first thing that is not as it must be."""
        self.say(f"A bench of four bays, all simulated. Its files are in {self.files.folder}.")
        self.files.clear()
        for drive in DRIVES:
            kind = self.files.make(drive, MB_PER_S)
            if not media.holds_secret(self.files.image(drive)):
                raise DemoFailed(f"the files of drive {drive.serial} are not on it")
            self.say(f"Drive {drive.serial}: 48 MiB with a file system ({kind}) full of personal data.")
        with contextlib.ExitStack() as running:
            about = running.enter_context(broker(self.files.folder))
            self.files.configure(about)
            self.say(f"Broker: {about.name} on port {about.port}, MQTT {about.protocol}.")
            self._start_collector(running)
            station = [beside_python("benchwipe"), "run", "--config", str(self.files.station_toml)]
            station += ["--state-dir", str(self.files.state)]
            process = running.enter_context(program("station", station, self.files.folder))
            wait_until(lambda: self._runs() or process.poll() is not None, "the station runs")
            if process.poll() is not None:
                raise DemoFailed(f"the station did not start: see {self.files.folder / 'station.log'}")
            self.say("Station demo-01 runs.")
            self._shift()
            self._check()
            self._table()
            if self.serve:
                self.say(
                    f"The collector's page, signed in to by this link, once: {self._link()}  (Ctrl-C ends the demo)"
                )
                with contextlib.suppress(KeyboardInterrupt):
                    process.wait()

    def say(self, text: str) -> None:
        """Say one plain sentence, with the time since the start."""
        line = f"[{time.monotonic() - self.began:5.1f} s] {text}"
        print(f"\r{line:<104}" if self._live else line, flush=True)

    # The shift

    def _shift(self) -> None:
        self.say("Ida scans her badge and the lot.")
        self.files.scan(BADGE)
        self.files.scan(LOT)
        for drive in DRIVES:
            self.files.plug(drive)
            self._wait_for(drive, lambda row: row["state"] == "waiting", "it waits for its asset tag")
            self._assign(drive)
            self._confirm(drive)
        self._grade_during_the_work()
        pulled = next(drive for drive in DRIVES if "aborted" in drive.outcomes)
        self._wait_for(pulled, lambda row: row["state"] == "erasing" and half_done(row), "it is half erased")
        self.files.pull(pulled)
        self.say(f"Somebody pulls drive {pulled.serial} out of bay {pulled.bay} half-way.")
        wait_until(lambda: self._outcomes(pulled) == ("aborted",), f"drive {pulled.serial} is certified as aborted")
        self.say(f"Its certificate says aborted. Drive {pulled.serial} is put back, and goes on where it was.")
        self.files.plug(pulled)
        for drive in DRIVES:
            self._wait_for(drive, lambda row: row["state"] == "finished", "it is finished")
            self.say(f"Bay {drive.bay}: {self._row(drive)['outcome'].upper()}, label printed.")
            if drive.graded == "afterwards":
                self._grade(drive)
                self._wait_for_label(drive)
                self.say("A new label with the grade is printed; the certificate stays as it was signed.")
            self.files.pull(drive)
        self.say("Ida takes the drives out.")
        wait_until(lambda: self._status()["uplink"]["outbox_depth"] == 0, "every certificate has its receipt")
        self.say("Every certificate has the collector's receipt; the outbox is empty.")

    def _assign(self, drive: DemoDrive) -> None:
        with_grade = f"grade {drive.grade}, " if drive.graded == "with the tag" else ""
        self.say(f"Drive {drive.serial} stands in bay {drive.bay}. Ida scans {drive.asset}, {with_grade}then the bay.")
        self.files.scan(drive.asset)
        if with_grade:
            self.files.scan(f"GRADE-{drive.grade}")
        self.files.scan(f"BAY-{drive.bay}")

    def _confirm(self, drive: DemoDrive) -> None:
        """Two sources say which drive it is: the drive itself, and the label on it. Then a person says YES."""
        self._wait_for(drive, lambda row: row["asks"] == "serial", "it asks for the drive's label")
        if drive is DRIVES[0]:
            other = DRIVES[1].serial
            self.files.scan(other)
            told = self._hears("not of the drive", "another drive's serial number is told")
            expect(self._row(drive)["asks"] == "serial", f"bay {drive.bay} took the label of {other}")
            self.say(f"She scans the serial number of {other} by mistake. {told}")
        self.files.scan(drive.serial)
        self._wait_for(drive, lambda row: row["asks"] == "confirm", "it asks for YES")
        self.files.scan("YES")
        self._wait_for(drive, lambda row: row["asks"] is None, "it has its YES")
        self.say(f"She scans the serial number on the drive: it is the one in bay {drive.bay}. She scans YES.")

    def _grade_during_the_work(self) -> None:
        for drive in DRIVES:
            if drive.graded == "during the work":
                self._wait_for(drive, lambda row: row["state"] == "erasing", "it is being erased")
                self._grade(drive)

    def _grade(self, drive: DemoDrive) -> None:
        self.files.scan(f"BAY-{drive.bay}")
        self.files.scan(f"GRADE-{drive.grade}")
        told = self._hears(f"Bay {drive.bay}: {drive.grade} is written down.", "the grade is written down")
        self.say(f"Ida scans bay {drive.bay}, then grade {drive.grade}. {told}")

    def _wait_for_label(self, drive: DemoDrive) -> None:
        label = self.files.labels / f"{self._row(drive)['certificate']}.zpl"
        wait_until(lambda: label.exists() and f"^FD{drive.grade}^FS" in label.read_text("utf-8"), "the new label")

    def _hears(self, words: str, what: str) -> str:
        """A sentence of the station with these words, also where it has said others since: its log keeps them all."""

        def found() -> list[str]:
            lines = (self.files.folder / "station.log").read_text("utf-8").splitlines()
            return [line.partition(SAID)[2] for line in lines if SAID in line and words in line]

        wait_until(lambda: bool(found()), what)
        return found()[-1]

    def _wait_for(self, drive: DemoDrive, true: Callable[[dict[str, Any]], bool], what: str) -> None:
        def so() -> bool:
            try:
                self._show_progress()
                return true(self._row(drive))
            except NotRunning:  # on a busy machine one answer can come too late
                return False

        wait_until(so, f"bay {drive.bay}: {what}", ERASE_S)

    def _show_progress(self) -> None:
        if self._live:
            parts = (f"{row['bay']} {row['state']}{share(row)}" for row in self._status()["bays"])
            print(f"\r          {' | '.join(parts):<90.90}", end="", flush=True)

    # The checks

    def _check(self) -> None:
        key = self._key_file()
        for drive in DRIVES:
            found = self._certificates(drive)
            outcomes = tuple(payload["outcome"] for payload in found)
            expect(
                outcomes == drive.outcomes, f"drive {drive.serial}: certificates say {outcomes}, not {drive.outcomes}"
            )
            erased = drive.outcomes[-1] == "erased"
            expect(
                not (erased and media.holds_secret(self.files.image(drive))), f"drive {drive.serial} still holds data"
            )
            last = found[-1]
            expect(last["asset"]["tag"] == drive.asset, f"drive {drive.serial}: wrong asset tag {last['asset']}")
            expect(last["operator"]["id"] == "ida", f"drive {drive.serial}: wrong operator")
            if erased:
                hashed = blake3_of(self.files.image(drive))
                expect(
                    last["verification"]["blake3"] == hashed, f"drive {drive.serial}: the certificate's hash is not its"
                )
                told = last["sanitization"]
                expect(told["level"] == drive.level, f"drive {drive.serial}: level {told['level']}, not {drive.level}")
                expect(
                    bool(told["fell_back"]) == (drive.level == "clear"), f"drive {drive.serial}: its fall is not told"
                )
            self._check_grade(drive, last)
            if len(found) > 1:
                expect(
                    bool(last["interruptions"]), f"drive {drive.serial}: its certificate hides that it was pulled out"
                )
            if drive.bad:
                ranges = tuple({k: u[k] for k in ("offset", "bytes")} for u in last["unreached"])
                expect(
                    ranges == BAD_RANGES,
                    f"drive {drive.serial}: unreached is {ranges}, the bad sectors are {BAD_RANGES}",
                )
        for path in self.files.certificates.glob("*.jws"):
            self._benchwipe("certificate", "verify", str(path), "--key", str(key))
            number = self._payload(path)["number"]
            expect((self.files.labels / f"{number}.zpl").exists(), f"label {number} is missing")
            expect((self.files.labels / f"{number}.png").exists(), f"the picture of label {number} is missing")
        stored = {row["id"] for row in self._collected()}
        own = {path.stem for path in self.files.certificates.glob("*.jws")}
        expect(stored == own, f"the collector has {len(stored)} certificates, the station {len(own)}")
        self.say("Signatures, hashes, labels and the collector's table were checked: all as it must be.")

    def _check_grade(self, drive: DemoDrive, payload: dict[str, Any]) -> None:
        """On the certificate, if it was signed later; on the label in any case."""
        signed = (payload["disposition"] or {}).get("grade", "")
        due = drive.grade if drive.graded in ("with the tag", "during the work") else ""
        expect(signed == due, f"drive {drive.serial}: its certificate has grade {signed!r}, not {due!r}")
        label = (self.files.labels / f"{payload['number']}.zpl").read_text("utf-8")
        expect(not drive.grade or f"^FD{drive.grade}^FS" in label, f"label {payload['number']} has no {drive.grade}")

    def _table(self) -> None:
        print(f"\n{'DRIVE':<14} {'ASSET':<11} {'OUTCOME':<9} {'LEVEL':<6} {'GRADE':<5} {'CERTIFICATE':<16} WHY")
        for payload in sorted(self._payloads(), key=lambda p: int(p["sequence"])):
            done = payload["sanitization"]
            why = payload["reason"]["text"] if payload["reason"] else f"{done['method']}, and read back in full"
            print(
                f"{payload['drive']['serial']:<14} {payload['asset']['tag']:<11} {payload['outcome']:<9} "
                f"{done['level']:<6} {self._grade_of(payload):<5} {payload['number']:<16} {why}"
            )
        print(f"\nCertificates: {self.files.certificates}\nLabels:       {self.files.labels} (ZPL, and a PNG of each)")
        print(f"Collector:    {self.files.folder / 'collector.db'}")
        print(f"All of it in {time.monotonic() - self.began:.0f} s.", flush=True)

    # The programs

    def _start_collector(self, running: contextlib.ExitStack) -> None:
        config = ["--config", str(self.files.collector_toml)]
        jwk = self._benchwipe("key", "init", "--state-dir", str(self.files.state))
        key = self._key_file()
        key.write_text(jwk)
        collector = beside_python("benchwipe-collector")
        _call([collector, "enrol", *config, "demo-01", str(key)])
        _call([collector, "person", "add", *config, "ida", "--name", "Ida", "--role", "team_lead"])
        self.files.collector_jwk.write_text(_call([collector, "key", "show", *config]))
        serve = [collector, "serve", *config, "--listen", f"127.0.0.1:{self.web}"]
        running.enter_context(program("collector", serve, self.files.folder))
        wait_until(self._collector_answers, "the collector answers")
        self.say(f"Collector: http://127.0.0.1:{self.web}/, the station's key is enrolled, its receipts are signed.")

    def _collector_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/healthz", timeout=5):
                return True
        except OSError:
            return False

    def _link(self) -> str:
        """A link that signs Ida in, once, within an hour."""
        words = ["--config", str(self.files.collector_toml), "--address", f"http://127.0.0.1:{self.web}"]
        return _call([beside_python("benchwipe-collector"), "person", "link", *words, "ida"]).strip()

    def _collected(self) -> list[dict[str, Any]]:
        visitor = Visitor()
        visitor.sign_in(self._link())
        found = visitor.document(f"http://127.0.0.1:{self.web}/api/v1/certificates?per_page=200")
        return list(found["certificates"])

    @staticmethod
    def _grade_of(payload: dict[str, Any]) -> str:
        """The device's, also where it came after the signature; a drive that is not erased has none."""
        drive = next(drive for drive in DRIVES if drive.serial == payload["drive"]["serial"])
        return drive.grade if payload["outcome"] == "erased" else "-"

    def _key_file(self) -> Path:
        return self.files.folder / "demo-01.jwk"

    def _benchwipe(self, *arguments: str) -> str:
        return _call([beside_python("benchwipe"), *arguments])

    def _runs(self) -> bool:
        try:
            self._status()
        except NotRunning:
            return False
        return True

    def _status(self) -> dict[str, Any]:
        return ask(self.files.state, {"ask": "status"})

    def _row(self, drive: DemoDrive) -> dict[str, Any]:
        return next(row for row in self._status()["bays"] if row["bay"] == drive.bay)

    # The certificates

    def _payload(self, path: Path) -> dict[str, Any]:
        return dict(json.loads(payload_bytes(path.read_bytes())))

    def _payloads(self) -> list[dict[str, Any]]:
        return [self._payload(path) for path in self.files.certificates.glob("*.jws")]

    def _certificates(self, drive: DemoDrive) -> list[dict[str, Any]]:
        found = (payload for payload in self._payloads() if payload["drive"]["serial"] == drive.serial)
        return sorted(found, key=lambda payload: int(payload["sequence"]))

    def _outcomes(self, drive: DemoDrive) -> tuple[str, ...]:
        return tuple(str(payload["outcome"]) for payload in self._certificates(drive))


def half_done(row: dict[str, Any]) -> bool:
    """Say whether a bay is between a half and nine tenths of its pass."""
    total = row["bytes_total"]
    return bool(total) and 0.4 * total <= row["bytes_done"] <= 0.9 * total


def share(row: dict[str, Any]) -> str:
    """Tell how far a bay is, for the progress line."""
    return f" {row['bytes_done'] * 100 // row['bytes_total']} %" if row["bytes_total"] else ""


def expect(true: bool, otherwise: str) -> None:
    """Raise DemoFailed if it is not so."""
    if not true:
        raise DemoFailed(otherwise)


def blake3_of(image: Path) -> str:
    """Compute what `b3sum` would print."""
    from blake3 import blake3

    return blake3().update_mmap(image).hexdigest()


def _call(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=CALL_S)
    except subprocess.TimeoutExpired:
        raise DemoFailed(f"{' '.join(command)} did not end within {CALL_S:g} s") from None
    if done.returncode:
        raise DemoFailed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
