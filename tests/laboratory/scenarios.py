"""Technique x fault: what is done to a drive, and which outcomes are right. Nothing but `erased` may be a success."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.erase.techniques import FIRMWARE_TECHNIQUES
from tests.agent.mosquitto import wait_until
from tests.laboratory.models.ata import ALL_FEATURES
from tests.laboratory.models.eraser import Ending
from tests.laboratory.models.sat import Bridge, RegistersBack
from tests.laboratory.rig import Ended, Rig
from tests.laboratory.subjects import AT_WORK_S, AtaSubject, Subject, subject

ERASED, FAILED, REFUSED = frozenset({"erased"}), frozenset({"failed"}), frozenset({"refused"})
STOPPED = frozenset({"failed", "aborted"})
LOOKS = 2  # questions by which a program has seen an erasure at work
FOREIGN = b"somebody else's".ljust(32, b"\0")


@dataclass(frozen=True)
class Trial:
    """What came of it, and of which drive."""

    subject: Subject
    ended: Ended

    @property
    def false_success(self) -> bool:
        """Whether "erased" was said of a drive that still holds data, anywhere that is not named as not reached."""
        if self.ended.outcome != "erased":
            return False
        record = self.ended.record
        told = record is not None and (record.drive.hidden_area is not None or bool(record.unreached))
        return self.subject.medium.secrets() > 0 and not (told and self._only_hidden())

    def _only_hidden(self) -> bool:
        return self.subject.hidden_secrets() and not any(self._shown())

    def _shown(self) -> bytes:
        assert isinstance(self.subject, AtaSubject)
        return bytes(self.subject.medium.data[: self.subject.drive.sizes.shown * 512])


@dataclass(frozen=True)
class Fault:
    """`applies`: to which techniques; `allowed`: the outcomes that are right."""

    name: str
    allowed: frozenset[str]
    run: Callable[[Rig, str], Trial]
    applies: Callable[[str], bool] = lambda _: True


def sanitizes(technique: str) -> bool:
    """A technique that goes on by itself."""
    return "sanitize" in technique


def locks(technique: str) -> bool:
    """A technique of the ATA security feature set."""
    return "secure-erase" in technique


def behind_a_bridge(technique: str) -> bool:
    """A technique that a bridge stands before."""
    return technique.startswith("ata")


def no_fault(rig: Rig, technique: str) -> Trial:
    """Nothing is wrong."""
    found = subject(technique)
    return Trial(found, rig.erase(found.plug(rig), technique))


def _ending(ending: Ending) -> Callable[[Rig, str], Trial]:
    def run(rig: Rig, technique: str) -> Trial:
        found = subject(technique)
        device = found.plug(rig)
        found.ends(ending)
        return Trial(found, rig.erase(device, technique))

    return run


def pulled_out(rig: Rig, technique: str) -> Trial:
    """Out in the midst of the work."""
    found = subject(technique)
    device = found.plug(rig)
    found.hold()
    job = rig.start_erase(device, technique)
    found.wait_at_work()
    found.unplug(rig)
    return Trial(found, rig.ended(job.wait()))


def plugged_in_again(rig: Rig, technique: str) -> Trial:
    """Out in the midst of the work, in again: a sanitize has gone on by itself meanwhile."""
    first = pulled_out(rig, technique)
    assert first.ended.outcome in STOPPED, first.ended.said
    found = first.subject
    found.release()  # Linux reads the partition table first, and waits for a drive that is being sanitized
    device = found.plug(rig)
    return Trial(found, rig.erase(device, technique))


def _joins(rig: Rig, found: Subject, device: str, technique: str) -> Trial:
    """The program is started with the erasure at work, which goes on only when it has been seen so."""
    before = found.looks()
    job = rig.start_erase(device, technique, "--resume")
    wait_until(lambda: found.looks() >= before + LOOKS or job.ended, "the drive is asked again", AT_WORK_S)
    found.release()
    ended = rig.ended(job.wait())
    assert found.looks() >= before + LOOKS, f"it ended without having asked the drive: {ended.said}"
    return Trial(found, ended)


def killed(rig: Rig, technique: str) -> Trial:
    """The program is killed in the midst of the work. The next one finds the erasure running, and joins it.

    With a station's udev rules: without them udev reads the partition table of a disk that somebody let go of, and
    while it is being sanitized Linux repeats that for minutes, with everybody behind it waiting.
    """
    rig.unwatched()
    found = subject(technique)
    device = found.plug(rig)
    found.hold()
    first = rig.start_erase(device, technique)
    found.wait_at_work()
    wait_until(lambda: found.looks() >= LOOKS, "it was seen at work", AT_WORK_S)
    first.kill()
    first.wait()
    return _joins(rig, found, device, technique)


def power_cut(rig: Rig, technique: str) -> Trial:
    """The whole station without power in the midst of the work; then it goes on with its job.

    SECURITY ERASE UNIT and Format stop half-way with the power; the first leaves the drive locked with our password.

    One that is being sanitized has finished when it is plugged in again, because Linux reads the partition table first,
    and repeats that for as long as a bridge or a SAS disk says "sanitize in progress". An ATA drive that passes on
    plainly that it aborted the read is seen at once: what nobody can know afterwards, of a lost key, is joined so.
    """
    still_at_work = technique == "ata-sanitize-crypto"
    found = AtaSubject(technique, bridge=Bridge(knows_sanitize=False)) if still_at_work else subject(technique)
    device = found.plug(rig)
    found.hold()
    rig.start_erase(device, technique)
    found.wait_at_work()
    if sanitizes(technique):
        wait_until(lambda: found.looks() >= LOOKS, "it was seen at work", AT_WORK_S)
    rig.cut_power()
    found.eraser.power(on=False)
    if isinstance(found, AtaSubject) and locks(technique):
        assert found.drive.lock.user is not None, "the drive has no password of ours"
        assert any(found.medium.data), "it was erased to the end"
    rig.power_on()
    if still_at_work:
        return _joins(rig, found, found.plug(rig), technique)
    found.release()
    device = found.plug(rig)
    return Trial(found, rig.erase(device, technique, "--resume"))


def _bridge(registers: RegistersBack = "descriptor", *, passes: bool = True) -> Callable[[Rig, str], Trial]:
    def run(rig: Rig, technique: str) -> Trial:
        found = AtaSubject(technique, bridge=Bridge(registers=registers, passes=passes))
        return Trial(found, rig.erase(found.plug(rig), technique))

    return run


def frozen(rig: Rig, technique: str) -> Trial:
    """Frozen since it was switched on, in a dock that cannot cut its power."""
    found = AtaSubject(technique)
    found.drive.lock.freezes_at_power_on = found.drive.lock.frozen = True
    return Trial(found, rig.erase(found.plug(rig), technique))


def foreign_password(rig: Rig, technique: str) -> Trial:
    """Locked with somebody else's password."""
    found = AtaSubject(technique)
    found.drive.lock.user = FOREIGN
    found.drive.lock.locked = True
    return Trial(found, rig.erase(found.plug(rig), technique))


def hidden_area(rig: Rig, technique: str) -> Trial:
    """A quarter of it behind an HPA."""
    found = AtaSubject(technique, features=ALL_FEATURES - {"amac"} | {"hpa"})
    found.drive.sizes.shown = found.drive.sizes.made * 3 // 4
    return Trial(found, rig.erase(found.plug(rig), technique))


FAULTS = (
    Fault("no fault", ERASED, no_fault),
    Fault("lies", FAILED, _ending("lies")),
    Fault("fails", FAILED, _ending("fails")),
    Fault("leaves a part", FAILED, _ending("spares")),
    Fault("progress vanishes", FAILED, _ending("vanishes"), lambda t: sanitizes(t) or locks(t)),
    Fault("pulled out", STOPPED, pulled_out),
    Fault("plugged in again", ERASED, plugged_in_again, sanitizes),
    Fault("killed, resumed", ERASED, killed, sanitizes),
    Fault("power cut, resumed", ERASED, power_cut),
    Fault("fixed-format status", FAILED | REFUSED, _bridge("fixed"), lambda t: behind_a_bridge(t) and sanitizes(t)),
    Fault("registers all zero", FAILED | REFUSED, _bridge("zero"), lambda t: behind_a_bridge(t) and sanitizes(t)),
    Fault("no registers", FAILED | REFUSED, _bridge("none"), lambda t: behind_a_bridge(t) and sanitizes(t)),
    Fault("no pass-through", REFUSED, _bridge(passes=False), behind_a_bridge),
    Fault("frozen", REFUSED, frozen, locks),
    Fault("foreign password", REFUSED | FAILED, foreign_password, behind_a_bridge),
    Fault("hidden area", REFUSED | ERASED, hidden_area, behind_a_bridge),
)


def every() -> Iterator[tuple[str, Fault]]:
    """Each technique with each fault that applies to it."""
    return ((technique, fault) for technique in FIRMWARE_TECHNIQUES for fault in FAULTS if fault.applies(technique))
