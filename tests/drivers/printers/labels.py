"""Labels for tests: the four outcomes, and strategies for labels that nobody thought of."""

from __future__ import annotations

from hypothesis import strategies as st

from drivers.printers.languages.label import Label, Media, Row, Shape

ID = "0123456789abcdef" * 4
ROWS = (
    Row("KK-004711", identifier=True, strong=True),
    Row("S3Z9NB0K123456A", identifier=True),
    Row("Samsung SSD 860 EVO 500 GB"),
    Row("Clear, zero"),
    Row("Kontrolleret: det hele"),
    Row("2026-11-22 22:41 UTC"),
)
FOOTER, QR = "bench-01-000123", f"benchwipe:{ID}"

ERASED = Label("SLETTET", Shape.TICK, alarm=False, rows=ROWS, footer=FOOTER, qr=QR, barcode="KK-004711", grade="A")
FAILED = Label("DESTROY", Shape.CROSS, alarm=True, rows=ROWS, footer=FOOTER, qr=QR, barcode="KK-004711", copy="COPY 2")
ABORTED = Label("AFBRUDT - SLET IGEN", Shape.HALF, alarm=False, rows=ROWS, footer=FOOTER, qr=QR)
REFUSED = Label("NOT ERASED", Shape.HOLLOW, alarm=False, rows=ROWS, footer=FOOTER, qr=QR, copy="KOPI 1")
ATTESTED = Label("ATTESTERET, IKKE MÅLT", Shape.SIGNED, alarm=False, rows=ROWS, footer=FOOTER, qr=QR, grade="B")
ALL = {"attested": ATTESTED, "erased": ERASED, "failed": FAILED, "aborted": ABORTED, "refused": REFUSED}

SIZES = tuple(
    Media(width_mm=w, height_mm=h, dpi=dpi)
    for w, h in ((40, 25), (57, 32), (100, 50), (100, 150))
    for dpi in (203, 300)
)

_text = st.text(max_size=80)
_row = st.builds(Row, _text, identifier=st.booleans(), strong=st.booleans())
LABELS = st.builds(
    Label,
    headline=st.sampled_from(["ERASED", "DESTROY", "ABORTED - ERASE AGAIN", "IKKE SLETTET", "ATTESTED, NOT MEASURED"]),
    shape=st.sampled_from(list(Shape)),
    alarm=st.booleans(),
    rows=st.lists(_row, max_size=8).map(tuple),
    footer=_text,
    qr=st.sampled_from([QR, f"https://certificates.example.dk/c/{ID}"]),
    barcode=_text,
    grade=st.sampled_from(["", "A", "W"]),
    copy=st.sampled_from(["", "COPY 1", "KOPI 99"]),
)
MEDIA = st.builds(
    Media,
    width_mm=st.integers(40, 110),  # below 40 x 25 mm a long headline or URL may not fit, and is refused
    height_mm=st.integers(25, 150),
    dpi=st.sampled_from([203, 300]),
)
