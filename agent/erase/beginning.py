"""What comes before the first pass of a job: the medium is known again, or its capacity proved and the marker left."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence

import msgspec

from agent.certificates.outcome import BEFORE_PROOFS, Reason, lacking
from agent.certificates.record import CapacityProof, Interruption
from agent.erase.capacity import Proof, skipped
from agent.erase.marker import Marker, life_key
from agent.erase.monitor import Monitor
from agent.erase.pattern import Fill
from agent.erase.same_medium import SameMedium, claims
from agent.erase.spec import EraseSpec, ResumePoint

log = logging.getLogger("benchwipe.erase")

BEGUN_ANEW = "nothing on the drive shows that it is the one that the job began with, so it began anew"


class Beginning:
    """One job's. Afterwards `point` is where its passes begin, and `lacking` why they need not."""

    def __init__(
        self, monitor: Monitor, spec: EraseSpec, point: ResumePoint, interruptions: tuple[Interruption, ...]
    ) -> None:
        self._monitor, self._spec = monitor, spec
        self.interruptions = interruptions
        self.lacking: Reason | None = None
        self._take(point)

    def _take(self, point: ResumePoint) -> None:
        self.point = point
        self.root_key = life_key(bytes.fromhex(self._spec.key_hex), point.life)
        self.marker = Marker(self._monitor, self.root_key)

    def run(self, random_fills: Callable[[], Sequence[Fill]]) -> bool:
        """Say whether the first checkpoint of a new job is due: its capacity is proved, its marker on the medium.

        `random_fills`: what its random passes mean to write.
        """
        if claims(self.point):
            self._know_again(random_fills())
        if self._monitor.halt is not None or self.point.capacity_proof is not None:
            return False
        if claims(self.point):
            self._proved(CapacityProof(result="not-run", why=BEFORE_PROOFS))
            return False
        self._prove()
        if self._monitor.halt is not None or self.lacking is not None:
            return False
        self._monitor.run(self.marker.put_all)
        return bool(self.marker.slots)

    def _know_again(self, random_fills: Sequence[Fill]) -> None:
        found = SameMedium(self._monitor, self.marker, self.point, random_fills)
        self._monitor.run(found.look)
        if self._monitor.halt is not None:
            return
        resumed = (*self.point.resumed, found.record)
        if found.shown:
            self.point = msgspec.structs.replace(self.point, resumed=resumed)
            return
        log.warning("job %s: %s", self._spec.job, BEGUN_ANEW)
        last = self.interruptions[-1]
        anew = msgspec.structs.replace(last, reason=f"{last.reason}; {BEGUN_ANEW}", resumed_at_offset=0)
        self.interruptions = (*self.interruptions[:-1], anew)
        life, stream = secrets.token_hex(16), self.point.stream
        self._take(ResumePoint(pass_number=1, offset=0, life=life, stream=stream, resumed=resumed))

    def _prove(self) -> None:
        if self._spec.skip_proof:
            self._proved(skipped(self._monitor.drive.drive.transport))
            return
        proof = Proof(self._monitor)
        proof.run()
        self._proved(proof.record)
        if proof.counterfeit:
            self.lacking = lacking(proof.record, self._monitor.drive.drive.capacity_bytes)

    def _proved(self, record: CapacityProof) -> None:
        self.point = msgspec.structs.replace(self.point, capacity_proof=record)
