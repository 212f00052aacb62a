"""The way of `benchwipe erase` to its ledger: what cannot be written is said once, and costs no erasure."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from agent.certificates.certificate import Certificate
from agent.certificates.outcome import Outcome
from agent.erase import ResumePoint
from agent.errors import LedgerProblem
from agent.jobs.job import Job
from agent.jobs.registrar import Registrar

log = logging.getLogger("benchwipe.erase")


class LenientRecords:
    """The records of jobs that run. `problem` is why a certificate could not be written the last time."""

    def __init__(self, registrar: Registrar) -> None:
        self.registrar = registrar
        self.problem: Exception | None = None

    def keep(self, changed: Job) -> None:
        """Write a job's state down."""
        with self.tolerated("a job's state"):
            self.registrar.ledger.save_job(changed)

    def checkpoint(self, job_id: str, point: ResumePoint) -> bool:
        """Write down how far a job was flushed. Return whether that is on the medium."""
        with self.tolerated("a checkpoint"):
            self.registrar.ledger.save_checkpoint(job_id, point)
            return True
        return False

    def issue(self, ended: Job, outcome: Outcome) -> tuple[Job, Certificate] | None:
        """Certify a job's end. Return None where it cannot be written now; CertificateProblem where it never can."""
        try:
            return self.registrar.issue(ended, outcome)
        except (LedgerProblem, OSError) as problem:
            self.problem = problem
            return None

    @contextlib.contextmanager
    def tolerated(self, what: str) -> Iterator[None]:
        """Go on without what a full disk does not take: that costs the way back, not the erasure."""
        try:
            yield
        except LedgerProblem as problem:
            log.warning("%s was not written down: %s", what, problem)
