"""What waits, as a file: CSV for a spreadsheet, or a workbook."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from django.utils.translation import gettext as _

from collector.certificates.exports.cells import harmless, shown
from collector.today.tasks import Due

BOM = "\ufeff"  # without it Excel reads UTF-8 as the machine's old code page


def as_csv(rows: Sequence[Due]) -> bytes:
    """Write a line for each task."""
    text = io.StringIO(newline="")
    text.write(BOM)
    writer = csv.writer(text, delimiter=";", quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([_("To do"), _("How many"), _("Address")])
    writer.writerows([harmless(one.text), one.count, one.address] for one in rows)
    return text.getvalue().encode()


def as_workbook(rows: Sequence[Due]) -> bytes:
    """Write a sheet with a line for each task."""
    import xlsxwriter

    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet(_("Today"))
        sheet.set_column(0, 0, 60)
        for place, name in enumerate((_("To do"), _("How many"), _("Address"))):
            sheet.write_string(0, place, name)
        for line, one in enumerate(rows, 1):
            sheet.write_string(line, 0, shown(one.text))
            sheet.write_number(line, 1, one.count)
            sheet.write_string(line, 2, one.address)
    return file.getvalue()
