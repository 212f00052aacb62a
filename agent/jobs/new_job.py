"""A new job, as a drive or a device gets one: a name that nothing else has, and nothing planned yet."""

from __future__ import annotations

import secrets
import time

from agent.certificates.clock import utc_now
from agent.certificates.record import Asset, Customer, Operator
from agent.jobs.job import Job
from drivers.drives.drive import Drive


def new_id() -> str:
    """Make a name for a piece of work. It begins with the time, so that names sort as the work does."""
    return f"{int(time.time() * 1000):012x}{secrets.token_hex(8)}"


def new_job(
    drive: Drive,
    *,
    bay: str = "",
    asset: str | None = None,
    operator: Operator | None = None,
    customer: Customer | None = None,
    insertion: str = "",
) -> Job:
    """Make a job that nobody has planned yet."""
    return Job(
        id=new_id(),
        bay=bay,
        drive=drive,
        plan=None,
        asset=Asset(tag=asset) if asset else None,
        operator=operator,
        customer=customer,
        created_at=utc_now(),
        insertion=insertion,
    )
