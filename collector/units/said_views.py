"""Pages on which people say what they did: a batch destroyed, a unit graded, a sample looked at again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector.errors import CollectorError
from collector.intake.models import Certificate
from collector.parties.doors import roles, sight_of
from collector.parties.roles import ADMINISTRATOR, TEAM_LEAD, TECHNICIAN, VALIDATOR
from collector.parties.sessions import actor_of
from collector.problems import attempt
from collector.units import changing, destroying, grading, sampling
from collector.units.models import Lot
from collector.units.said_forms import Destroyed, Graded

READ_OR_POST = require_http_methods(["GET", "HEAD", "POST"])
KEPT = ("method", "particle_mm", "batch", "recycler", "equipment", "seal", "waste_code", "witness")
"""What is the same for the next batch of the day."""
MOST_LOTS = 200


@roles(TEAM_LEAD, TECHNICIAN, ADMINISTRATOR)
@READ_OR_POST
def destruction(request: HttpRequest) -> HttpResponse:
    """Say that a batch was destroyed, by scanning it: `/destruction`."""
    form = Destroyed(request.POST or None)
    if request.method == "POST" and attempt(form, lambda told: _destroy(request, told)):
        form = Destroyed(initial={name: form.cleaned_data[name] for name in KEPT})
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "units/destruction.html", {"form": form}, status=status)


@roles(TEAM_LEAD, TECHNICIAN, ADMINISTRATOR)
@READ_OR_POST
def grades(request: HttpRequest) -> HttpResponse:
    """Give units their grade, one scan each: `/grading`."""
    form = Graded(request.POST or None)
    if request.method == "POST" and attempt(form, lambda told: _grade(request, told)):
        form = Graded(initial={"grade": form.cleaned_data["grade"]})
    return render(request, "units/grading.html", {"form": form}, status=400 if form.is_bound and form.errors else 200)


@roles(VALIDATOR, TEAM_LEAD)
@require_safe
def samples(request: HttpRequest) -> HttpResponse:
    """List the closed lots, and how far the second look at each is: `/samples`."""
    lots = Lot.objects.seen_by(sight_of(request)).filter(state="closed").select_related("customer")
    rows = [(lot, sampling.of_lot(lot), len(sampling.waiting(lot))) for lot in lots.order_by("-closed_at")[:MOST_LOTS]]
    return render(request, "units/samples.html", {"rows": rows})


@roles(VALIDATOR, TEAM_LEAD)
@require_safe
def sample(request: HttpRequest, number: int) -> HttpResponse:
    """Show the samples of a lot, and what is to be done next: `/samples/<number>`."""
    return _sample_page(request, _lot(request, number))


@roles(VALIDATOR, TEAM_LEAD)
@require_POST
def look(request: HttpRequest, number: int) -> HttpResponse:
    """Prepare, draw, or say what a second look found: `/samples/<number>/say`."""
    lot, told, actor = _lot(request, number), request.POST, actor_of(request)
    certificate = told.get("certificate", "")[:64]
    try:
        if told.get("do") == "prepare":
            sampling.prepare(actor, lot)
        elif told.get("do") == "draw":
            sampling.draw(actor, lot, told.get("number", "").strip())
        else:
            sampling.check(actor, lot, certificate, told.get("do", ""), told.get("tool", ""))
    except CollectorError as error:
        return _sample_page(request, lot, problem=str(error))
    return redirect("sample", number)


def _sample_page(request: HttpRequest, lot: Lot, *, problem: str = "") -> HttpResponse:
    found = sampling.of_lot(lot)
    ids = [one for sample in found for one in sample.ids]
    rows = Certificate.objects.seen_by(sight_of(request)).filter(id__in=ids)
    named = {row.id: row for row in rows}
    context = {
        "lot": lot,
        "samples": [(one, [(name, named.get(name), one.results.get(name, "")) for name in one.ids]) for one in found],
        "open": any(one.drawn is None for one in found),
        "waiting": len(sampling.waiting(lot)),
        "problem": problem,
    }
    return render(request, "units/sample.html", context, status=400 if problem else 200)


def _lot(request: HttpRequest, number: int) -> Lot:
    found: Lot | None = Lot.objects.seen_by(sight_of(request)).filter(pk=number, state="closed").first()
    if found is None:
        raise Http404(_("There is no closed lot of this number."))
    return found


def _destroy(request: HttpRequest, told: dict[str, Any]) -> None:
    numbers = told.pop("numbers").splitlines()
    how = {name: told[name] for name in (*KEPT, "weight_g")}
    told["numbers"] = "\n".join(numbers)
    destroying.destroy(actor_of(request), numbers, destroying.How(**how))
    count = len({one.strip() for one in numbers if one.strip()})
    said = ngettext("%(count)d is destroyed, signed.", "%(count)d are destroyed, signed.", count)
    messages.success(request, said % {"count": count})


def _grade(request: HttpRequest, told: dict[str, Any]) -> None:
    unit = changing.unit_named(told["number"])
    row = grading.grade(actor_of(request), unit, told["grade"], told["faults"].splitlines())
    messages.success(request, _("%(number)s: grade %(grade)s.") % {"number": told["number"], "grade": row.word})
