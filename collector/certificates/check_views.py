"""The public check: a file, an id or a label's text -> one word. No customer, tag or person is on these pages."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from agent.certificates.certificate import Certificate
from agent.certificates.jws import public_jwk, thumbprint
from agent.errors import CertificateProblem
from collector import moments
from collector.certificates import extract, posted, queries, signer, statements_check, stored, words
from collector.certificates.check_words import PROBLEMS, SHAPES, VERDICTS, attributes, say
from collector.certificates.code_text import LONGEST, certificate_id_in
from collector.certificates.extract import Extract
from collector.certificates.proof import key_from_x
from collector.certificates.rates import Rate, network_of
from collector.certificates.statements_check import Public
from collector.certificates.views import download, language
from collector.intake.models import StationKey
from collector.parties.doors import public
from collector.running import configuration
from collector.text import visible

ASKED = Rate(burst=120, per_minute=120)
HANDED_OUT = Rate(burst=10, per_minute=10)
LARGEST_BODY = 4 << 20
ID = 64
KID = 43
NO_ID = "No certificate's id stands in this. A number alone is not enough."
TOO_OFTEN = "Too many questions came from your address. Wait a minute."


@dataclass(frozen=True)
class Line:
    """What is said of one file: word and shape of the verdict, why, and what its record tells if it holds."""

    name: str
    verdict: str
    word: str
    shape: str
    why: str
    told: Extract | None = None
    heading: words.Mark | None = None
    statement: Public | None = None


@public
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Answer `/check`: the form, `?id=` with an id or a label's text, or files that are posted."""
    asked = request.GET.get("id", "")
    if not asked and request.method != "POST":
        return _form(request)
    if not ASKED.allows(network_of(_address(request)), 1):
        return _too_often(request)
    if asked:
        identifier = certificate_id_in(asked[: LONGEST + 1])
        return redirect(f"/check/{identifier}") if identifier else _form(request, problem=gettext(NO_ID), status=400)
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not length.isdigit() or int(length) > LARGEST_BODY:
        return _form(request, problem=gettext("The file is larger than any certificate."), status=413)
    files = [(one.name or "", one.read(posted.LARGEST_FILE + 1)) for one in request.FILES.getlist("file")]
    if not files:
        return _form(request, problem=gettext("Choose a file first."), status=400)
    answers = posted.check_files(files, Enrolled())
    said = [_statement_line(name, data) for name, data in files[: posted.MOST_FILES]]
    lines = [found or _line(answer) for found, answer in zip_longest(said, answers) if answer is not None]
    if "application/json" in request.headers.get("Accept", ""):
        told = [{"name": x.name, "verdict": x.verdict, "word": x.word, "why": x.why} for x in lines]
        return JsonResponse({"files": told})
    return _form(request, lines=lines)


@public
@require_safe
def checked(request: HttpRequest, name: str) -> HttpResponse:
    """Show `/check/<id>`, and hand out its extract: `/check/<id>.jws`."""
    identifier, _, kind = name.partition(".")
    if len(identifier) != ID or kind not in ("", "jws") or certificate_id_in(identifier) != identifier.lower():
        raise Http404(gettext(NO_ID))
    if not ASKED.allows(network_of(_address(request))):
        return _too_often(request)
    row = queries.any_certificate(identifier.lower())
    if row is None and not kind and (said := statements_check.kept(identifier.lower())) is not None:
        return render(
            request,
            "certificates/checked.html",
            {"id": identifier.lower(), "statement": said, **_verdict(holds=said.holds)},
        )
    shown = None if row is None else stored.shown(row)
    if row is None or shown is None:
        return render(request, "certificates/checked.html", {"id": identifier.lower()}, status=404)
    told = _extract(shown.certificate, row.signed_by)
    if kind:
        return _hand_out(request, told, identifier.lower())
    context = {
        "id": row.id,
        "told": told,
        "heading": words.heading(shown.heading),
        "said": statements_check.public_about(row.id),
        **_verdict(holds=told is not None),
    }
    return render(request, "certificates/checked.html", context)


@public
@require_safe
def key(request: HttpRequest, kid: str) -> HttpResponse:
    """Answer a station's public key, and when it was enrolled: `/check/keys/<kid>`."""
    if not ASKED.allows(network_of(_address(request))):
        return JsonResponse({"error": gettext(TOO_OFTEN)}, status=429, headers={"Retry-After": "60"})
    row = _key_row(kid)
    found = None if row is None else _key_of(row)
    if row is None or found is None:
        return JsonResponse({"error": "no such key"}, status=404)
    facts = {"kid": kid, "enrolled_at": moments.text(row.first_seen)}
    if row.revoked_at is not None:
        facts["retired_at"] = moments.text(row.revoked_at)
    return JsonResponse({**public_jwk(found), **facts})


@public
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Answer the collector's own public keys: `/keys.jwks`."""
    try:
        told = _own_keys(str(configuration().keys_dir), configuration().settings.signature_alg)
    except signer.NoSignature as problem:
        return JsonResponse({"error": problem.line()}, status=503)
    return HttpResponse(told, content_type="application/jwk-set+json")


class Enrolled(Mapping[str, Ed25519PublicKey]):
    """Every key that was ever enrolled, asked for by its thumbprint: what it signed stays provable."""

    def __getitem__(self, kid: str) -> Ed25519PublicKey:
        row = _key_row(kid)
        found = None if row is None else _key_of(row)
        if found is None:
            raise KeyError(kid)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(StationKey.objects.values_list("thumbprint", flat=True))

    def __len__(self) -> int:
        return StationKey.objects.count()


@functools.cache
def _own_keys(folder: str, alg: str) -> bytes:
    return signer.public_keys(Path(folder), alg)


def _key_row(kid: str) -> StationKey | None:
    if len(kid) != KID or not kid.isascii():
        return None
    return StationKey.objects.filter(thumbprint=kid).order_by("first_seen").first()


def _key_of(row: StationKey) -> Ed25519PublicKey | None:
    """The key, if the row's two columns belong together."""
    try:
        found = key_from_x(row.x)
    except (CertificateProblem, ValueError):
        return None
    return found if thumbprint(found) == row.thumbprint else None


def _extract(certificate: Certificate | None, row: StationKey) -> Extract | None:
    """What anybody may know of a certificate that holds."""
    if certificate is None:
        return None
    return extract.extract_of(
        certificate,
        collector=configuration().settings.id,
        issued_at=moments.now_text(),
        enrolled_at=moments.text(row.first_seen),
        retired_at=None if row.revoked_at is None else moments.text(row.revoked_at),
    )


def _hand_out(request: HttpRequest, told: Extract | None, identifier: str) -> HttpResponse:
    if told is None:
        raise Http404(gettext("What does not hold has no extract."))
    if not HANDED_OUT.allows(network_of(_address(request))):
        return _too_often(request)
    try:
        signed = signer.sign(told, configuration().keys_dir, configuration().settings.signature_alg)
    except signer.NoSignature as problem:
        return HttpResponse(f"{problem.line()}\n", status=503, content_type="text/plain; charset=utf-8")
    return download(signed, f"{identifier}.extract.jws", "application/jose")


def _verdict(*, holds: bool) -> dict[str, str]:
    name = "holds" if holds else "does_not_hold"
    return {"verdict": name, "word": say(VERDICTS[name], language()), "shape": SHAPES[name]}


def _statement_line(name: str, data: bytes) -> Line | None:
    """What is said of a posted statement; None where the file is none, and may be a certificate."""
    found = statements_check.posted_statement(data)
    if found is None:
        return None
    told, shown = _verdict(holds=found.holds), visible(name, posted.LONGEST_NAME)
    why = "" if found.holds else say(PROBLEMS["signature"], language())
    statement = found if found.holds else None
    return Line(shown, told["verdict"], told["word"], told["shape"], why, statement=statement)


def _line(answer: posted.Answer) -> Line:
    pair = PROBLEMS.get(answer.code)
    why = say(pair, language()) if pair is not None and answer.verdict != "holds" else ""
    told = heading = None
    certificate = None if answer.examined is None else answer.examined.certificate
    if answer.verdict == "holds" and certificate is not None:
        row = _key_row(certificate.key_id)
        told = None if row is None else _extract(certificate, row)
        heading = None if told is None else words.heading(told.claim)
    word, shape = say(VERDICTS[answer.verdict], language()), SHAPES[answer.verdict]
    return Line(answer.name, answer.verdict, word, shape, why, told, heading)


def _form(
    request: HttpRequest, *, problem: str = "", lines: list[Line] | None = None, status: int = 200
) -> HttpResponse:
    context = {"problem": problem, "lines": lines or [], "told": attributes(language()).items()}
    return render(request, "certificates/check.html", context, status=status)


def _too_often(request: HttpRequest) -> HttpResponse:
    context = {"title": gettext("Too many questions"), "text": gettext(TOO_OFTEN)}
    answer = render(request, "problem.html", context, status=429)
    answer.headers["Retry-After"] = "60"
    return answer


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))[:45]
