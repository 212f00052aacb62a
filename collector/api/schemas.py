"""What the documents for programs look like: the OpenAPI is made of these."""

from __future__ import annotations

from typing import Any, Literal

from ninja import Field, Schema

Outcome = Literal["", "erased", "unread", "attested", "failed", "aborted", "refused"]
Chain = Literal["", "ok", "gap", "known", "fork"]


PLACE = "^([0-9]{1,2}-[0-9]{1,18})?$"


class Problem(Schema):
    """What is wrong, in one sentence."""

    error: str


class Asked(Schema):
    """Which certificates are asked for."""

    q: str = Field("", max_length=200, description="Serial, WWN, asset tag, IMEI, number, lot, customer, operator, id")
    outcome: Outcome = ""
    station: str = Field("", max_length=64)
    chain: Chain = ""
    after: str = Field(
        "", max_length=100, description="`next` of the answer before", json_schema_extra={"pattern": PLACE}
    )
    per_page: int = Field(50, ge=1, le=200)


class Row(Schema):
    """One certificate of a list. Who reads none in full is told id, number and outcome alone."""

    id: str
    number: str
    outcome: str
    key_id: str | None = None
    station: str | None = None
    sequence: int | None = None
    previous: str | None = None
    chain: str | None = None
    serial: str | None = None
    model: str | None = None
    asset_tag: str | None = None
    customer: str | None = None
    lot: str | None = None
    finished_at: str | None = None
    clock_synchronised: bool | None = None
    received_at: str | None = None


class Rows(Schema):
    """Some certificates, the best match first, then the newest. `next` is empty at the end."""

    certificates: list[Row]
    next: str


class Whole(Schema):
    """One certificate: its heading and proof; to who reads it in full also its facts, record and exact bytes."""

    id: str
    number: str
    heading: Any
    proof: dict[str, Any]
    record: Any = None
    jws: str | None = None


class Stations(Schema):
    """What every bench does now."""

    stations: list[dict[str, Any]]
