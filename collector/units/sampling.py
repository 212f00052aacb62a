"""The second look at a sample of a closed lot: prepared, drawn, and each drawn one tracked to its result.

All of it stands in signed statements, and in nothing else: what a page shows is read out of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import transaction

from agent.certificates.certificate import read_unverified
from agent.errors import CertificateProblem
from collector.certificates.statements_about import CERTIFICATE
from collector.certificates.statements_validation import ACCEPTABLE, is_operator
from collector.intake.models import Certificate
from collector.moments import today
from collector.parties.roles import TEAM_LEAD, VALIDATOR
from collector.parties.services import Actor
from collector.statements import kinds, queries, rules, services
from collector.statements.errors import StatementProblem
from collector.statements.models import Commitment, SignedStatement
from collector.statements.policy import policy_of
from collector.statements.services import About
from collector.units import sampling_rules as drawing
from collector.units.models import Custody, DriveLink, Lot

BY = (VALIDATOR, TEAM_LEAD)
SAMPLE, LOT = "sample", "lot"
PREPARED, DRAWN = "prepared", "drawn"
Result = Literal["passed", "failed"]
RESULTS: tuple[Result, ...] = ("passed", "failed")
LONGEST_TOOL = 200


@dataclass
class Sample:
    """One sample of a lot, as its statements tell it. `results`: certificate -> what the second look found."""

    prepared: SignedStatement
    frozen: Mapping[str, Any]
    drawn: Mapping[str, Any] | None = None
    results: dict[str, str] = field(default_factory=dict)

    @property
    def ids(self) -> Sequence[str]:
        """The certificates that were drawn."""
        return () if self.drawn is None else self.drawn["drawn"]

    @property
    def left(self) -> Sequence[str]:
        """Those that nobody has looked at yet."""
        return [one for one in self.ids if one not in self.results]

    @property
    def done(self) -> bool:
        """Whether every drawn one has its result."""
        return self.drawn is not None and not self.left


def of_lot(lot: Lot) -> list[Sample]:
    """Read the samples of a lot out of their statements, the oldest first."""
    found: dict[str, Sample] = {}
    for row in queries.about(LOT, _name(lot)):
        if row.kind != kinds.SAMPLE:
            continue
        told = _payload(row)
        if row.word == PREPARED:
            found[row.sha256] = Sample(row, told)
        elif (sample := found.get(str(told.get("prepared")))) is not None:
            if row.word == DRAWN:
                sample.drawn = told
            else:
                sample.results[str(told.get("certificate"))] = row.word
    return list(found.values())


def waiting(lot: Lot) -> list[str]:
    """List the certificates of a closed lot that no sample was drawn from yet."""
    links = DriveLink.objects.filter(unit__lot=lot, ended_at__isnull=True, outcome__in=ACCEPTABLE)
    known = {one for sample in of_lot(lot) for one in sample.frozen["population"]}
    return sorted({str(name) for name in links.values_list("certificate_id", flat=True)} - known)


@transaction.atomic
def prepare(actor: Actor, lot: Lot) -> SignedStatement:
    """Freeze what is drawn from, and commit to the house's number. Raise StatementProblem or NotTheirs."""
    speaker = services.speaker(actor, BY)
    closing = Custody.objects.filter(lot=lot, step="closed").first()
    if closing is None:
        raise StatementProblem(problem=f"lot {lot.code} is not closed: what is drawn from is not frozen")
    if any(sample.drawn is None for sample in of_lot(lot)):
        raise StatementProblem(problem=f"lot {lot.code}: a sample is prepared already, and is drawn first")
    population = waiting(lot)
    if not population:
        raise StatementProblem(problem=f"lot {lot.code}: no erasure waits for a second look")
    share, number = policy_of(lot.customer_id, today()).sample_bp, secrets.token_hex(32)
    told = {
        "lot": lot.code,
        "closing": closing.statement,
        "population": population,
        "population_sha256": drawing.population_sha256(population),
        "sample_bp": share,
        "size": drawing.size(len(population), share),
        "commitment": drawing.commitment(number),
    }
    row = services.say(kinds.SAMPLE, [About(LOT, _name(lot))], told, speaker, customer=lot.customer, word=PREPARED)
    Commitment.objects.create(statement=row, number=number)
    return row


@transaction.atomic
def draw(actor: Actor, lot: Lot, number: str) -> SignedStatement:
    """Draw the prepared sample with the checker's number; the house's is told now. Raise StatementProblem."""
    speaker = services.speaker(actor, BY)
    if problem := drawing.number_problem(number):
        raise StatementProblem(problem=problem)
    sample = next((one for one in of_lot(lot) if one.drawn is None), None)
    if sample is None:
        raise StatementProblem(problem=f"lot {lot.code}: no sample is prepared")
    told, house = sample.frozen, sample.prepared.number.number
    seed = drawing.seed(told["closing"], number, house)
    ids = drawing.draw(told["population"], seed, told["size"])
    about = [About(LOT, _name(lot)), About(SAMPLE, sample.prepared.sha256)]
    return services.say(
        kinds.SAMPLE,
        [*about, *(About(CERTIFICATE, one, DRAWN) for one in ids)],
        {
            "lot": lot.code,
            "prepared": sample.prepared.sha256,
            "closing": told["closing"],
            "checker_number": number,
            "house_number": house,
            "seed": seed,
            "drawn": list(ids),
        },
        speaker,
        customer=lot.customer,
        word=DRAWN,
    )


@transaction.atomic
def check(actor: Actor, lot: Lot, certificate: str, result: str, tool: str) -> SignedStatement:
    """Say what a second look at a drawn drive found. Whoever erased it does not look. Raise StatementProblem."""
    speaker = services.speaker(actor, BY)
    tool = " ".join(tool.split())
    if result not in RESULTS:
        raise StatementProblem(problem=f"result {result!r}: allowed is one of {', '.join(RESULTS)}")
    if not 0 < len(tool) <= LONGEST_TOOL:
        raise StatementProblem(problem=f"say with which program it was looked at, in at most {LONGEST_TOOL} characters")
    sample = next((one for one in of_lot(lot) if certificate in one.left), None)
    if sample is None:
        raise StatementProblem(problem="this certificate was not drawn, or has its result already")
    assert actor.person is not None
    row = Certificate.unfiltered.select_related("bytes").get(id=certificate)
    try:
        record = read_unverified(bytes(row.bytes.compact)).record
    except CertificateProblem as problem:
        raise StatementProblem(problem=f"{row.number}: it does not hold ({problem.fields['problem']})") from None
    if is_operator(actor.person, record):
        raise StatementProblem(problem=f"{row.number}: {actor.person.login} erased it, and somebody else has to look")
    about = [About(LOT, _name(lot)), About(SAMPLE, sample.prepared.sha256), About(CERTIFICATE, certificate, result)]
    told = {"lot": lot.code, "prepared": sample.prepared.sha256, "certificate": certificate, "tool": tool}
    return services.say(kinds.SAMPLE, about, {**told, "result": result}, speaker, customer=lot.customer, word=result)


def problems() -> Iterator[str]:
    """Draw every sample again: a line for each whose statements do not fit together."""
    rows = SignedStatement.unfiltered.filter(kind=kinds.SAMPLE, word=DRAWN).order_by("seq")
    for row in rows.iterator(50):
        told, name = _payload(row), f"sample {row.sha256[:12]}"
        before = queries.by_hash(str(told.get("prepared")))
        frozen = {} if before is None else _payload(before)
        try:
            population = frozen["population"]
            seed = drawing.seed(frozen["closing"], told["checker_number"], told["house_number"])
            fits = (
                drawing.population_sha256(population) == frozen["population_sha256"]
                and drawing.commitment(told["house_number"]) == frozen["commitment"]
                and seed == told["seed"]
                and frozen["closing"] == told["closing"]
                and list(drawing.draw(population, seed, frozen["size"])) == told["drawn"]
            )
        except (KeyError, TypeError):
            fits = False
        if not fits:
            yield f"{name}: drawn again, it is another one"


def _payload(row: SignedStatement) -> Mapping[str, Any]:
    """What was signed, of a row of the chain; `audit` is who proves the signature of all of them."""
    from agent.certificates import jws

    try:
        return rules.read(jws.read_unverified(bytes(row.compact), typ=kinds.SAID[row.kind], most=rules.LARGEST).payload)
    except CertificateProblem:
        return {}


def _name(lot: Lot) -> str:
    return str(lot.pk)
