"""`/metrics`: figures for a monitoring system. No name of a customer, a person, a station or a drive is among them."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator

from django.db import DatabaseError, InterfaceError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from collector.background.models import STATES, Task
from collector.fleet.sources import SOURCES
from collector.parties import tokens
from collector.parties.doors import public
from collector.parties.roles import STAFF

SCOPE = "metrics:read"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NOWHERE = "none"
REGISTRY = CollectorRegistry()
REQUESTS = Counter("benchwipe_web_requests", "Answers of the pages.", ("method", "route", "status"), registry=REGISTRY)
SECONDS = Histogram(
    "benchwipe_web_request_seconds",
    "Time until an answer began.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
COUNTS = {
    "stored": ("benchwipe_intake_certificates", "Certificates and statements stored."),
    "duplicate": ("benchwipe_intake_duplicates", "Certificates and statements that were here already."),
    "rejected": ("benchwipe_intake_rejected", "Messages that went into quarantine."),
    "events": ("benchwipe_intake_events", "Events that were kept."),
    "passed_over": ("benchwipe_intake_passed_over", "Messages that were passed over without an answer."),
}
"""What the intake counts since it was started -> the name and the help of its metric."""


class Measured:
    """Middleware, the outermost: counts every answer by its route's pattern, never by the address that was asked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        response = self._get_response(request)
        match = request.resolver_match
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(str(method), NOWHERE if match is None else match.route, str(response.status_code)).inc()
        SECONDS.observe(time.monotonic() - began)
        return response


class Parts(Collector):
    """What each part says of itself on the board, and what waits in the database. Asked for at each reading."""

    def collect(self) -> Iterator[Metric]:
        """Give out the metrics of now."""
        parts = SOURCES.parts()
        up = GaugeMetricFamily("benchwipe_up", "Whether a part works: 1 or 0.", labels=["part"])
        for name, part in parts.items():
            up.add_metric([name], float(part.well))
        yield up
        counts = parts["intake"].counts if "intake" in parts else {}
        for key, (name, told) in COUNTS.items():
            if key in counts:
                yield CounterMetricFamily(name, told, value=counts[key])
        if "waiting" in counts:
            yield GaugeMetricFamily("benchwipe_intake_waiting", "Messages that wait.", value=counts["waiting"])
        yield from self._database()

    def _database(self) -> Iterator[Metric]:
        answers = GaugeMetricFamily("benchwipe_database_up", "Whether the database answers the pages: 1 or 0.")
        try:
            found = dict(Task.objects.values_list("state").annotate(count=Count("id")))
        except (DatabaseError, InterfaceError):
            answers.add_metric([], 0.0)
            yield answers
            return
        answers.add_metric([], 1.0)
        yield answers
        tasks = GaugeMetricFamily("benchwipe_tasks", "Background tasks that are kept.", labels=["state"])
        for state in STATES:
            tasks.add_metric([state], float(found.get(state, 0)))
        yield tasks


REGISTRY.register(Parts())
ProcessCollector(registry=REGISTRY)


@public
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Show `/metrics` to this very machine, and to a program whose token has the scope metrics:read."""
    told = request.META.get("HTTP_AUTHORIZATION", "")
    if not told and _is_local(request):
        return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_PLAIN_0_0_4)
    kind, _, secret = told.partition(" ")
    try:
        token = tokens.find(secret.strip()) if kind.lower() == "bearer" else None
    except (DatabaseError, InterfaceError):
        return JsonResponse({"error": "the database does not answer now, and nobody's token can be read"}, status=503)
    if token is None:
        answer = JsonResponse({"error": "send a token: Authorization: Bearer TOKEN"}, status=401)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    if SCOPE not in token.scopes or not token.person.sight().has(STAFF):
        return JsonResponse({"error": f"this needs the scope {SCOPE}, and a person of the house"}, status=403)
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _is_local(request: HttpRequest) -> bool:
    """Whether it comes from this machine and asked for it by such a name: a proxy here asks for others by theirs."""
    host = request.get_host().rpartition(":")[0] or request.get_host()
    try:
        from_here = ipaddress.ip_address(str(request.META.get("REMOTE_ADDR", ""))).is_loopback
        by_address = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        by_address = False
        from_here = str(request.META.get("REMOTE_ADDR", "")) in ("127.0.0.1", "::1")
    return from_here and (by_address or host == "localhost")
