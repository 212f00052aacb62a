"""What a bay waits for: each state with what a person has to do there, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from agent.certificates.outcome import NAMELESS, Reason
from agent.certificates.record import Operator
from agent.jobs.bay import Bay, BayState
from agent.jobs.label_proof import LabelState
from agent.jobs.new_job import new_job
from agent.phrases import keys
from agent.views.bay import bay_row
from agent.views.waiting import Beside, What, waits_for
from tests.agent.engine_rig import drive

NUMBER = "bench-01-000004"


def bay(state: BayState, **facts: Any) -> Bay:  # noqa: ANN401 - fields of Bay
    job = new_job(drive("W62AB003"), operator=Operator(id="ida", name="Ida"))
    return Bay(name="A1", state=state, drive=job.drive, job=job, **facts)


def printed(state: LabelState) -> Beside:
    return Beside(labels={NUMBER: state})


ERASED = bay(BayState.FINISHED, outcome="erased", certificate_number=NUMBER)
FAILED = bay(BayState.FINISHED, outcome="failed", certificate_number=NUMBER, reason=Reason("BW-E02", "x", "y"))
WAITS: list[tuple[Bay, Beside, What | None]] = [
    (Bay(name="A1"), Beside(), None),
    (Bay(name="A1"), Beside(away={"A1": "W62AB003"}), "put_back"),
    (Bay(name="A1"), Beside(away={"A2": "W62AB003"}), None),
    (bay(BayState.WAITING), Beside(), "asset"),
    (bay(BayState.COUNTDOWN, asks="serial"), Beside(), "serial"),
    (bay(BayState.COUNTDOWN, asks="confirm"), Beside(), "answer"),
    (bay(BayState.COUNTDOWN, due=1.0), Beside(), None),
    (bay(BayState.ERASING), Beside(), None),
    (bay(BayState.BLOCKED, reason=NAMELESS), Beside(), "take_out"),
    (bay(BayState.QUARANTINED), Beside(), "release"),
    (bay(BayState.FINISHED, outcome="erased", asks="grade"), printed(LabelState.PRINTED), "grade"),
    (ERASED, Beside(), "take_out"),
    (ERASED, printed(LabelState.PRINTED), "label"),
    (ERASED, printed(LabelState.UNKNOWN), "proof"),
    (ERASED, printed(LabelState.NOT_PRINTED), "reprint"),
    (ERASED, printed(LabelState.SENT), "take_out"),
    (FAILED, printed(LabelState.PRINTED), "label"),
    (FAILED, Beside(), "box"),
]


@pytest.mark.parametrize(("bay", "beside", "what"), WAITS)
def test_a_bays_row_says_what_it_waits_for(bay: Bay, beside: Beside, what: What | None) -> None:
    told = bay_row(bay, now=0.0, beside=beside)["waits_for"]
    assert (told and told["what"]) == what


def test_it_names_the_label_the_box_the_drive_and_the_person() -> None:
    label, box = waits_for(ERASED, printed(LabelState.PRINTED)), waits_for(FAILED)
    assert label == {
        "what": "label",
        "who": {"id": "ida", "name": "Ida"},
        "label": NUMBER,
        "box": None,
        "serial": None,
    }
    assert box is not None
    assert (box["label"], box["box"]) == (NUMBER, "DESTRUER")
    away = waits_for(Bay(name="A1"), Beside(away={"A1": "W62AB003"}))
    assert away is not None
    assert away["serial"] == "W62AB003"


def test_each_of_them_has_its_words() -> None:
    assert {f"word_waits_{what}" for _, _, what in WAITS if what} <= keys().keys()
