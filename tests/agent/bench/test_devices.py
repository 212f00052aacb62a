"""What people say of a device: its drives are counted once, none, in the box; each is signed, and queued."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.bench.events import LabelResult, Told
from agent.certificates import jws
from agent.certificates.label import label_for
from agent.certificates.outcome import CANCELLED, NAMELESS, PULLED_OUT, Aborted, Work
from agent.certificates.record import Drives
from agent.jobs.label_proof import LabelState
from agent.phrases import phrase
from agent.settings import Device
from agent.views.bay import bay_row
from tests.agent.engine_rig import Rig, drive, erased, failed, settings

Make = Callable[..., Rig]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Rig] = []

    def rig(**about: Any) -> Rig:  # noqa: ANN401 - fields of the station
        known = settings("B01", "B02", "B03", **{"mode": "scan", "language": "en", **about})
        rig = Rig(
            tmp_path / "state", msgspec.structs.replace(known, printer=(Device(name="labels", driver="simulated"),))
        )
        made.append(rig)
        return rig

    yield rig
    for each in made:
        each.close()


def two(rig: Rig, *, told: bool = True) -> None:
    """A device with two drives, in B01 and B02."""
    rig.sign_in()
    for bay in ("B01", "B02"):
        rig.arrive(bay, drive(f"S-{bay}"))
    rig.scan("KK-0800", "BAY-B01", "KK-0800", *(("DRIVES-2", "BAY-B02") if told else ()))


def statements(rig: Rig, what: str) -> list[dict[str, Any]]:
    """Those of that type which wait for the collector's receipt, their signatures checked."""
    public = rig.registrar.key.public_key()
    typ, keys = f"benchwipe-{what}+jws", {jws.thumbprint(public): public}
    found = (row.payload for row in rig.ledger.outbox.waiting(100) if row.kind == "statement")
    return [msgspec.json.decode(jws.verify(c, keys, typ=typ).payload) for c in found if jws.type_of(c) == typ]


def headlines(rig: Rig) -> list[str]:
    """Of the labels in the order in which they were printed."""
    by_number = {c.record.number: c for c in rig.certificates()}
    sent = zip(rig.effects.labels, rig.effects.whole, strict=True)
    return [label_for(by_number[number], whole=whole).headline for (number, _), whole in sent]


def places(rig: Rig) -> list[Drives | None]:
    return [c.record.asset.drives if c.record.asset else None for c in rig.certificates()]


# Two drives of one device


def test_both_drives_say_which_of_how_many_they_are_on_screen_and_certificate(make: Make) -> None:
    rig = make()
    two(rig)
    rows = [bay_row(rig.engine.bays[bay], now=rig.clock)["drives"] for bay in ("B01", "B02")]
    assert rows == [{"index": 1, "of": 2}, {"index": 2, "of": 2}]
    rig.wait(10.1)
    for bay in ("B01", "B02"):
        rig.end(bay, erased())
    assert places(rig) == [Drives(index=1, of=2), Drives(index=2, of=2)]
    (said,) = statements(rig, "drive-count")
    assert (said["asset"], said["drives"], said["operator"]["id"]) == ("KK-0800", 2, "ida")


def test_a_label_says_erased_only_when_all_drives_of_the_device_are(make: Make) -> None:
    rig = make()
    two(rig)
    rig.wait(10.1)
    rig.end("B01", erased())
    assert headlines(rig) == ["ONE OF ITS DRIVES"]
    rig.end("B02", erased())
    assert headlines(rig) == ["ONE OF ITS DRIVES", "ERASED"]
    rig.scan("REPRINT", "bench-01-000001")
    rig.engine.handle(LabelResult("bench-01-000001", "labels", 0, LabelState.PRINTED))
    rig.scan("REPRINT", "bench-01-000001")
    assert headlines(rig)[-1] == "ERASED"


@pytest.mark.parametrize("first", [True, False])
def test_no_label_of_a_device_says_erased_where_one_of_its_drives_failed(make: Make, *, first: bool) -> None:
    rig = make()
    two(rig)
    rig.wait(10.1)
    good, bad = ("B02", "B01") if first else ("B01", "B02")
    rig.end(bad, failed())
    rig.end(good, erased())
    assert "ERASED" not in headlines(rig)


@pytest.mark.parametrize("counted", [True, False])
def test_a_label_that_said_erased_is_printed_again_when_another_drive_of_the_device_is_not(
    make: Make, *, counted: bool
) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0800", "BAY-B01")
    first = rig.erase("B01").record.number
    rig.engine.handle(LabelResult(first, "labels", 0, LabelState.PRINTED))
    if not counted:
        rig.leave("B01")
    rig.arrive("B02", drive("S2"))
    rig.scan("KK-0800", *(("DRIVES-2",) if counted else ()), "BAY-B02")
    assert ((first, 1) in rig.effects.labels) is counted, "as soon as it is known that there is another"
    second = rig.erase("B02", failed()).record.number
    assert sorted(rig.effects.labels) == [(first, 0), (first, 1), (second, 0)]
    said = dict(zip(rig.effects.labels, headlines(rig), strict=True))
    assert (said[first, 0], said[first, 1]) == ("ERASED", phrase("en", "label_part"))


def test_of_a_drive_that_failed_no_former_label_comes_again(make: Make) -> None:
    rig = make()
    rig.sign_in()
    for outcome in (erased(), failed()):
        rig.arrive("B01", drive("S1"))
        rig.scan("KK-0800", "BAY-B01")
        number = rig.erase("B01", outcome).record.number
        rig.engine.handle(LabelResult(number, "labels", 0, LabelState.PRINTED))
        rig.leave("B01")
    assert rig.effects.labels == [("bench-01-000001", 0), ("bench-01-000002", 0)]


def test_a_drive_that_failed_before_its_sibling_came_is_not_forgotten(make: Make) -> None:
    rig = make()
    rig.sign_in()
    for serial, outcome in (("S1", failed()), ("S2", erased())):
        rig.arrive("B01", drive(serial))
        rig.scan("KK-0800", "BAY-B01")
        rig.erase("B01", outcome)
        rig.leave("B01")
    assert headlines(rig) == ["DESTROY", "ONE OF ITS DRIVES"], "nobody counted them, and it is known all the same"


def test_drives_that_come_one_after_the_other_are_counted_once(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0800", "BAY-B01")
    rig.erase("B01")
    rig.leave("B01")
    rig.arrive("B02", drive("S2"))
    assert rig.scan("KK-0800") == "tag_certified"
    rig.scan("DRIVES-2", "BAY-B02")
    rig.erase("B02")
    assert (places(rig), headlines(rig)) == ([None, Drives(index=2, of=2)], ["ERASED", "ERASED"])
    assert len(statements(rig, "drive-count")) == 1


def test_a_drive_that_comes_back_keeps_its_place_and_one_too_many_has_none(make: Make) -> None:
    rig = make()
    two(rig)
    rig.wait(10.1)
    rig.leave("B01")
    rig.end("B01", Aborted(Work(), PULLED_OUT))
    rig.arrive("B01", drive("S-B01"))
    assert bay_row(rig.engine.bays["B01"], now=rig.clock)["drives"] == {"index": 1, "of": 2}
    rig.arrive("B03", drive("S-B03"))
    assert (rig.scan("KK-0800"), rig.scan("BAY-B03"), rig.state("B03")) == ("tag_again", "tag_again", "waiting")
    assert rig.scan("DRIVES-2", "BAY-B03") == "too_many_drives"
    assert rig.scan("DRIVES-3", "BAY-B03") == "assigned"
    rig.wait(10.1)
    rig.end("B02", erased())
    assert places(rig)[-1] == Drives(index=2, of=3)


def test_one_device_is_asked_for_once_where_it_is_known_that_more_come(make: Make) -> None:
    rig = make()
    rig.sign_in()
    for bay in ("B01", "B02", "B03"):
        rig.arrive(bay, drive(f"S-{bay}"))
    rig.scan("KK-0800", "DRIVES-3", "BAY-B01")
    assert (rig.scan("KK-0800", "BAY-B02"), rig.scan("KK-0800", "BAY-B03")) == ("assigned", "assigned")
    assert len(statements(rig, "drive-count")) == 1


# None at all


def test_a_device_without_a_drive_is_stated_after_a_yes_and_never_while_one_of_its_drives_is_here(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.scan("KK-0801", "NODRIVE", "NO", "UNDO")
    assert statements(rig, "no-drive") == []
    assert rig.scan("KK-0801", "NODRIVE", "YES") == "no_drive_kept"
    (said,) = statements(rig, "no-drive")
    assert (said["asset"], said["operator"]["id"], said["customer"]["lot"]) == ("KK-0801", "ida", "LOT-4")
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0802", "BAY-B01")
    assert rig.scan("KK-0802", "NODRIVE") == "device_has_drive"
    rig.scan("YES")
    assert len(statements(rig, "no-drive")) == 1


# The box


def test_a_failed_drive_goes_into_the_box_by_its_label_and_that_is_stated(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0801", "BAY-B01")
    certificate = rig.erase("B01", failed())
    number = certificate.record.number
    assert rig.scan("DESTROY") == "scan_label_first"
    assert rig.scan(f"benchwipe:{certificate.id}") == "scan_box"
    assert rig.scan("DESTROY-2") == "boxed"
    (said,) = statements(rig, "box")
    assert (said["certificate_id"], said["number"], said["box"]) == (certificate.id, number, "DESTROY-2")
    assert (said["asset"], said["drive"]["serial"], said["operator"]["id"]) == ("KK-0801", "S1", "ida")
    assert bay_row(rig.engine.bays["B01"], now=rig.clock)["waits_for"]["what"] == "take_out"
    assert rig.engine.pending.items == ()


def test_what_was_erased_goes_into_no_box(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0801", "BAY-B01")
    number = rig.erase("B01").record.number
    assert (rig.scan(number), rig.scan("DESTROY"), statements(rig, "box")) == ("put_label", "scan_label_first", [])


def test_an_older_label_of_a_drive_that_was_erased_since_goes_into_no_box(make: Make) -> None:
    rig = make()
    rig.sign_in()
    certificates = []
    for outcome in (failed(), erased()):
        rig.arrive("B01", drive("S1"))
        rig.scan("KK-0801", "BAY-B01")
        certificates.append(rig.erase("B01", outcome))
        rig.leave("B01")
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0801", "BAY-B01", "UNDO")
    old, new = (certificate.record.number for certificate in certificates)
    rig.scan(old)
    assert ("put_label", {"number": new}) in [said for said, _ in rig.effects.spoken]
    assert (rig.scan("DESTROY"), statements(rig, "box")) == ("scan_label_first", [])
    rig.scan("KK-0801", "BAY-B01")
    rig.wait(10.1)
    assert (rig.scan(old), rig.scan("DESTROY"), rig.state("B01")) == ("label_seen", "scan_label_first", "erasing")


def test_the_box_is_stated_of_the_customer_whose_drive_it_is(make: Make) -> None:
    rig = make()
    rig.sign_in("LOT-4")
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0801", "BAY-B01")
    number = rig.erase("B01", failed()).record.number
    rig.scan("LOT-2", number, "DESTROY")
    assert [said["customer"]["lot"] for said in statements(rig, "box")] == ["LOT-4"]


@pytest.mark.parametrize("here", [("BADGE-7",), ("BADGE-7", "LOT-2")])
def test_the_label_of_a_drive_that_is_erased_again_recalls_its_device_and_delivery(
    make: Make, here: tuple[str, ...]
) -> None:
    rig = make()
    rig.sign_in("LOT-4")
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0801", "BAY-B01")
    number = rig.erase("B01", Aborted(Work(), CANCELLED)).record.number
    assert rig.scan(number) == "put_label", "its drive is still there"
    rig.leave("B01")
    rig.scan("LOGOUT", *here)
    rig.arrive("B02", drive("S1"))
    assert rig.scan(number) == "label_device_lot"
    key, values = rig.engine.shown[-1]
    assert phrase("en", key, **values) == "KK-0801: now scan the bay."
    rig.scan("BAY-B02")
    job = rig.job_of("B02")
    assert (job.asset and job.asset.tag, job.customer and job.customer.lot) == ("KK-0801", "LOT-4")
    rig.leave("B02")
    rig.scan("LOGOUT")
    assert (rig.scan(number), rig.engine.context.asset) == ("label_seen", None), "nobody is signed in"


def test_a_drive_that_does_not_say_who_it_is_goes_into_the_box_by_its_bay(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive("B01", drive(None), refusals=(NAMELESS,))
    rig.arrive_unreadable("B02", NAMELESS)
    assert rig.scan("BAY-B01", "DESTROY") == "boxed"
    assert rig.scan("KK-0803", "BAY-B02", "DESTROY") == "boxed"
    first, second = statements(rig, "box")
    assert (first["certificate_id"], first["drive"]["model"], first["drive"]["serial"]) == (None, "Wheel", None)
    assert (second["asset"], second["drive"]) == ("KK-0803", None)


def test_what_cannot_be_written_down_is_asked_for_again(make: Make) -> None:
    rig = make()
    rig.sign_in()
    rig.arrive_unreadable("B02", NAMELESS)
    rig.scan("BAY-B02")
    rig.break_ledger("outbox")
    assert rig.scan("DESTROY") == "bay_not_now"
    rig.mend_ledger()
    assert (rig.scan("DESTROY"), len(statements(rig, "box"))) == ("boxed", 1)


# What happened


def happened(rig: Rig) -> list[str]:
    return [line.said[0] for line in rig.engine.table.happened.lines]


def screen(rig: Rig) -> str:
    return " ".join(phrase("en", key, **values) for key, values in rig.engine.shown)


def test_what_happens_hides_no_instruction_and_stays_ten_seconds(make: Make) -> None:
    rig = make()
    two(rig, told=False)
    before = screen(rig)
    for n in range(5):
        rig.engine.handle(Told("dock_silent", {"dock": f"dock-{n}"}))
    rig.cancel("B03")
    assert screen(rig) == before
    rig.wait(9.0)
    rig.engine.handle(Told("dock_silent", {"dock": "late"}))
    assert len(happened(rig)) == 8, "with the assignment: nothing went within ten seconds"
    rig.wait(2.0)
    rig.engine.handle(Told("dock_silent", {"dock": "later"}))
    assert happened(rig) == ["dock_silent"] * 2 + ["nothing_to_cancel"]


def test_three_labels_at_once_are_three_rows(make: Make) -> None:
    rig = make()
    rig.sign_in()
    for n, bay in enumerate(("B01", "B02", "B03")):
        rig.arrive(bay, drive(f"S-{bay}"))
        rig.scan(f"KK-080{n}", f"BAY-{bay}")
    rig.wait(10.1)
    for bay in ("B01", "B02", "B03"):
        rig.end(bay, erased())
    for n in (1, 2, 3):
        rig.engine.handle(LabelResult(f"bench-01-00000{n}", "labels", 0, LabelState.PRINTED))
    waiting = {item.bay: item.label for item in rig.engine.pending.items}
    assert waiting == {"B01": "bench-01-000001", "B02": "bench-01-000002", "B03": "bench-01-000003"}
    assert happened(rig)[:3] == ["put_label"] * 3
    rig.scan("bench-01-000002")
    rig.leave("B01")
    assert [item.bay for item in rig.engine.pending.items] == ["B03"]


def test_no_sentence_stays_that_became_untrue(make: Make) -> None:
    rig = make()
    rig.sign_in("LOT-3")
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0801", "BAY-B01")
    assert screen(rig).startswith("KK-0801 is in bay B01.")
    rig.leave("B01")
    assert "B01" not in screen(rig)
    rig.arrive("B01", drive("S2"))
    rig.scan("KK-0801", "BAY-B01", "UNDO")
    assert happened(rig)[0] == "undone_bay"
    rig.scan("KK-0801", "BAY-B01")
    assert "undone_bay" not in happened(rig), "undone, and begun again"
    rig.engine.handle(Told("dock_silent", {"dock": "cradle"}))
    rig.engine.handle(Told("dock_back", {"dock": "cradle"}))
    assert "dock_silent" not in happened(rig)


def test_a_standing_delivery_is_everybodys_who_has_scanned_no_other(make: Make) -> None:
    rig = make(lot="LOT-3")
    rig.scan("BADGE-7")
    assert screen(rig) == "Hello, Ida. Scan the asset tag."
    rig.arrive("B01", drive("S1"))
    rig.scan("KK-0001", "BAY-B01")
    customer = rig.job_of("B01").customer
    assert rig.engine.bays["B01"].asks == "serial"
    assert customer is not None
    assert customer.lot == "LOT-3"
    rig.scan("LOT-4", "BADGE-8", "KK-0002")
    assert rig.engine.context.lot is not None
    assert rig.engine.context.lot.code == "LOT-3", "and not Ida's"
