"""A QR code as vectors (ISO/IEC 18004): each row's runs of dark modules are one rectangle."""

from __future__ import annotations

import segno
from fpdf import FPDF

QUIET_ZONE = 4  # light modules around it (6.3.8)
TALLER = 1.02  # of a module: viewers that smooth edges else show white lines between the rows
INK = (17, 17, 17)


def paint_qr(pdf: FPDF, text: str, x: float, y: float, size: float, *, quiet_zone: int = QUIET_ZONE) -> None:
    """Paint it with its first dark module at (x, y). `size` is of the whole square, its quiet zone included, in mm."""
    matrix = segno.make_qr(text, error="m").matrix
    module = size / (len(matrix) + 2 * quiet_zone)
    pdf.set_fill_color(*INK)
    for row, modules in enumerate(matrix):
        column = 0
        while column < len(modules):
            run = column
            while run < len(modules) and modules[run]:
                run += 1
            if run > column:
                pdf.rect(x + column * module, y + row * module, (run - column) * module, module * TALLER, style="F")
            column = max(run, column + 1)
