from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine
from starlette.applications import Starlette

from collector.enrolment import KeyBook
from collector.intake import Intake
from collector.link import Link
from collector.live import Live


@dataclass(frozen=True)
class Sources:
    engine: Engine
    book: KeyBook
    live: Live
    intake: Intake
    link: Link


def make_app(sources: Sources) -> Starlette:
    return Starlette()
