"""What `check` looks at. Each problem is a line; nothing is changed by looking."""

from __future__ import annotations

import os
import socket
import ssl
from datetime import UTC, datetime

from django.db import Error

from collector import upkeep
from collector.errors import CollectorError
from collector.fleet import ca, commanding, own_tls, signer
from collector.intake import signing
from collector.intake.link import web_role
from collector.intake.taking import cause
from collector.notices import queries
from collector.parties.models import Person
from collector.settings import Configuration

ANSWER_S = 5.0
BUILT = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock that is right shows less."""


def problems(configuration: Configuration) -> list[str]:
    """List what is not as it must be."""
    return [*_database(), *_broker(configuration), *_keys(configuration), *_authority(configuration), *_clock()]


def _database() -> list[str]:
    try:
        found = upkeep.problems()
        if upkeep.is_ready() and (count := queries.given_up()):
            found.append(
                f"{count} message(s) about alarms were given up: `benchwipe-collector notice messages --failed`"
            )
        if upkeep.is_ready() and not Person.objects.filter(disabled_at=None).exists():
            found.append("nobody can sign in: `benchwipe-collector person add`, or the link that `serve` gives")
    except CollectorError as error:
        return [error.line()]
    except (Error, OSError) as error:
        return [f"the database does not answer: {cause(error)}"]
    return found


def _broker(configuration: Configuration) -> list[str]:
    """Only as far as TLS: a second client of the collector's name would put the running one out."""
    broker, path = configuration.settings.broker, configuration.path
    found = []
    try:
        with socket.create_connection((broker.host, broker.port), timeout=ANSWER_S) as plain:
            if broker.tls.ca:
                context = ssl.create_default_context(cafile=str(path(broker.tls.ca)))
                context.minimum_version = ssl.TLSVersion.TLSv1_3
                if broker.tls.certificate:
                    context.load_cert_chain(path(broker.tls.certificate), path(broker.tls.key))
                context.wrap_socket(plain, server_hostname=broker.host).close()
    except OSError as error:
        found.append(f"the broker at {broker.host}:{broker.port} does not answer: {error}")
    if web_role(configuration) is None:
        found.append("the live page has no certificate of its own for the broker: [broker.web] certificate and key")
    if not commanding.possible(configuration):
        told = "no job can be stopped and no directory told: the broker knows no controller"
        found.append(f"{told}; [broker.controller] certificate and key")
    return found


def _keys(configuration: Configuration) -> list[str]:
    found = []
    for use in filter(lambda use: signing.has(configuration.keys_dir, use), signing.USES):  # others: at first use
        try:
            signing.load_or_make(configuration.keys_dir, use)
        except CollectorError as error:
            found.append(error.line())
    return found


def _authority(configuration: Configuration) -> list[str]:
    """The own authority can sign, where there is one, and what it gave is not near its end: `serve` renews it."""
    told = configuration.settings
    if not (told.tls.names or told.broker.tls.own) or not os.path.lexists(configuration.keys_dir / ca.KEY_FILE):
        return []
    try:
        signer.authority(configuration.keys_dir)
        return own_tls.problems(configuration)
    except CollectorError as error:
        return [error.line()]


def _clock() -> list[str]:
    now = datetime.now(UTC)
    return [f"the clock says {now:%Y-%m-%d}, which cannot be"] if now < BUILT else []
