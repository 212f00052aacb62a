"""`benchwipe attest`: a person reset a phone or tablet, and answers for it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from agent.commands.options import NOT_TRUE, config_option, json_option, language_option, state_option
from agent.commands.parameters import PathParameter, Word
from agent.commands.people import operator_named

if TYPE_CHECKING:
    from agent.certificates.attestation import Handset
    from agent.certificates.certificate import Certificate
    from agent.certificates.record import AssetKind, Customer
    from agent.jobs.registrar import Registrar
    from agent.settings import Settings


Label = Literal["asked", "due"]


@click.command(short_help="Certify a phone or tablet that a person reset: attested, not measured.")
@click.option("--imei", metavar="IMEI", help="15 digits, from *#06# or its box; the check digit is checked")
@click.option("--imei2", metavar="IMEI", help="Its other IMEI, of a device with two SIM cards")
@click.option("--serial", metavar="SERIAL", type=Word(), help="Serial number, of a device without an IMEI")
@click.option("--asset", metavar="TAG", type=Word(), required=True, help="Asset tag of the device")
@click.option("--operator", metavar="ID", type=Word(), required=True, help="Who answers for it: an id or a badge")
@click.option("--lot", metavar="CODE", type=Word(), help="The delivery it came with, and with it the customer")
@click.option("--customer", metavar="NAME", type=Word(), help="Whose it was, where it came with no lot")
@click.option("--kind", type=click.Choice(["phone", "tablet", "other"]), default="phone", show_default=True)
@click.option("--manufacturer", metavar="NAME", type=Word(), default=None, help="As it stands on the device")
@click.option("--model", metavar="NAME", type=Word(), default=None, help="As it stands on the device")
@click.option("--yes-to", metavar="CHECK", multiple=True, help="Answer a check with yes; may be given again")
@click.option("--no-to", metavar="CHECK", multiple=True, help="Answer a check with no; may be given again")
@click.option("--certificate-dir", metavar="DIR", type=PathParameter(file_okay=False), help="Write <id>.jws here too")
@language_option
@json_option
@config_option
@state_option
def attest(
    imei: str | None,
    imei2: str | None,
    serial: str | None,
    asset: str,
    operator: str,
    lot: str | None,
    customer: str | None,
    kind: Literal["phone", "tablet", "other"],
    manufacturer: str | None,
    model: str | None,
    yes_to: tuple[str, ...],
    no_to: tuple[str, ...],
    certificate_dir: Path | None,
    language: str | None,
    as_json: bool,
    settings: Settings,
    state_dir: Path,
) -> None:
    """Certify a phone or tablet that a person reset by its vendor's means. It says: attested, not measured.

    Checks without an answer are asked on a terminal. Any no, and the certificate claims nothing. Where the station has
    printers its label is printed by the daemon: now, or when it runs again.

    Exit status: 0 attested, 1 not attested (its certificate says so), 2 bad usage: nothing was written.
    """
    from agent.certificates.attestation import Attested
    from agent.certificates.attestation import attest as judge
    from agent.certificates.clock import utc_now
    from agent.jobs.certify import Occasion
    from agent.jobs.label_proof import LabelState
    from agent.jobs.new_job import new_id
    from agent.jobs.registrar import Registrar

    began = utc_now()
    handset = _handset(_identity(imei, serial), imei2, asset, kind, (manufacturer or "", model or ""))
    who, whose = operator_named(settings, operator), _customer(settings, lot, customer)
    printers = tuple(printer.name for printer in settings.printer)
    answers = _asked(_answers(yes_to, no_to), language or settings.station.language)
    registrar = Registrar(settings, state_dir)
    try:
        registrar.recover()
        reset = judge(who, answers, at=utc_now())
        occasion = Occasion(new_id(), began, who, whose)
        certificate = registrar.attest(handset, reset, occasion, printers=printers, labels=LabelState.DUE)
        label = _ask_for_label(state_dir, certificate) if printers else None
        _report(certificate, _deliver(registrar, certificate, certificate_dir), label, as_json)
    finally:
        registrar.close()
    raise click.exceptions.Exit(0 if isinstance(reset, Attested) else NOT_TRUE)


def _identity(imei: str | None, serial: str | None) -> str:
    from agent.certificates.attestation import imei_problem

    if (imei is None) == (serial is None):
        raise click.UsageError("name the device with --imei, or with --serial where it has no IMEI")
    if serial is not None:
        return serial
    plain = re.sub(r"[ /-]", "", imei or "")
    if problem := imei_problem(plain):
        raise click.BadParameter(f"{imei!r}: {problem}", param_hint="'--imei'")
    return plain


def _handset(first: str, imei2: str | None, tag: str, kind: AssetKind, maker: tuple[str, str]) -> Handset:
    from agent.certificates.attestation import Handset

    return Handset(first, tag, kind, *maker, second=_second(first, imei2))


def _second(first: str, imei2: str | None) -> str:
    from agent.certificates.attestation import second_imei_problem

    plain = re.sub(r"[ /-]", "", imei2 or "")
    if imei2 is not None and (problem := second_imei_problem(first, plain)):
        raise click.BadParameter(f"{imei2!r}: {problem}", param_hint="'--imei2'")
    return plain


def _customer(settings: Settings, lot: str | None, customer: str | None) -> Customer | None:
    """Of the lot, or by name. Where the configuration knows customers, it must be one of them; a lot always."""
    from agent.certificates.record import Customer

    if lot is not None:
        known = next((found for found in settings.lot if found.code == lot), None)
        if known is None:
            allowed = ", ".join(found.code for found in settings.lot) or "(no lot is configured)"
            raise click.BadParameter(f"{lot!r}: allowed is one of {allowed}", param_hint="'--lot'")
        if customer not in (None, known.customer):
            raise click.UsageError(f"lot {lot} is of {known.customer}, not of {customer}")
        return Customer(name=known.customer, lot=known.code, reference=known.reference)
    names = [found.name for found in settings.customer]
    if customer is not None and names and customer not in names:
        raise click.BadParameter(f"{customer!r}: allowed is one of {', '.join(names)}", param_hint="'--customer'")
    return Customer(name=customer) if customer is not None else None


def _ask_for_label(state_dir: Path, certificate: Certificate) -> Label:
    """The label is due in the ledger already: whatever happens here, the daemon prints it when it starts next."""
    from agent.devices.control import NotRunning, ask

    try:
        answer = ask(state_dir, {"ask": "reprint", "label": certificate.record.number})
    except NotRunning:
        return "due"
    return "due" if "error" in answer else "asked"


def _answers(yes_to: Sequence[str], no_to: Sequence[str]) -> dict[str, bool]:
    from agent.certificates.attestation import QUESTIONS

    for name in (*yes_to, *no_to):
        if name not in QUESTIONS:
            raise click.BadParameter(f"{name!r}: allowed is one of {', '.join(QUESTIONS)}", param_hint="'--yes-to'")
    if both := sorted(set(yes_to) & set(no_to)):
        raise click.UsageError(f"{both[0]} is answered with yes and with no")
    return {**dict.fromkeys(yes_to, True), **dict.fromkeys(no_to, False)}


def _asked(given: Mapping[str, bool], language: str) -> dict[str, bool]:
    """All answers: what was not given is asked on a terminal, until a no. Enter alone is no answer."""
    from agent.certificates.attestation import QUESTIONS
    from agent.commands.work.terminal import is_terminal
    from agent.phrases import phrase
    from agent.scan.handset import check_phrase

    answers = dict(given)
    missing = [question for question in QUESTIONS if question not in answers]
    if False in answers.values() or not missing:
        return answers
    if not is_terminal(sys.stdin):
        raise click.UsageError(f"no answer to {', '.join(missing)}: give --yes-to or --no-to, or use a terminal")
    yes, no = ("ja", "nej") if language == "da" else ("yes", "no")
    for question in missing:
        words = phrase(language, check_phrase(question))
        answers[question] = click.prompt(words, type=click.Choice([yes, no]), err=True) == yes
        if not answers[question]:
            break
    return answers


def _deliver(registrar: Registrar, certificate: Certificate, folder: Path | None) -> Path:
    from agent import files

    own = registrar.ledger.certificates_dir / certificate.file_name
    if folder is None:
        return own
    folder.mkdir(parents=True, exist_ok=True)
    files.write_once(folder / certificate.file_name, certificate.compact)
    return folder / certificate.file_name


def _report(certificate: Certificate, file: Path, label: Label | None, as_json: bool) -> None:
    from agent.views.certificate import printable

    record = certificate.record
    if as_json:
        told: dict[str, object] = {
            "outcome": record.outcome,
            "attested": record.outcome == "erased",
            "number": record.number,
        }
        why = record.reason.text if record.reason else None
        told |= {"certificate_id": certificate.id, "certificate_file": str(file), "reason": why, "label": label}
        click.echo(json.dumps(told))
        return
    claim = "attested, not measured" if record.outcome == "erased" else f"{record.outcome}: nothing is claimed"
    click.echo(printable(f"{record.number} {record.drive.serial}: {claim}; {file}"), err=True)
    if label is not None:
        words = {"asked": "is being printed", "due": "is printed when the daemon runs again"}
        click.echo(printable(f"label {record.number} {words[label]}"), err=True)
