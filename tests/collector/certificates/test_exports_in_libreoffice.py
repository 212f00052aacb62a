"""Another's spreadsheet finds no formula in an export, asked to evaluate them all, with the wrong separator."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from collector.certificates.exports.text_files import machine_csv, people_csv
from collector.certificates.exports.workbook import workbook
from tests.collector.certificates.test_exports import HOSTILE, hostile, whole
from tests.patience import PROGRAM_S

SOFFICE = shutil.which("soffice")
# Comma, quote, UTF-8, from the first row; numbers detected, spaces removed, every sheet, formulas evaluated.
AS_COMMAS = "CSV:44,34,76,1,,0,false,true,false,false,true,-1,true"
CONTROL = 'a;"x,=2+2";" =1+1"\n'

pytestmark = pytest.mark.skipif(SOFFICE is None, reason="no soffice (apt-get install libreoffice-calc-nogui)")


def formulas(folder: Path, *files: str, as_csv: bool) -> dict[str, list[str]]:
    """Every formula that LibreOffice makes of each of these files."""
    assert SOFFICE is not None
    profile = f"-env:UserInstallation=file://{folder}/profile"
    how = [f"--infilter={AS_COMMAS}"] if as_csv else []
    command = [SOFFICE, profile, "--headless", *how, "--convert-to", "fods", "--outdir", str(folder)]
    subprocess.run(
        [*command, *(str(folder / name) for name in files)], check=True, capture_output=True, timeout=PROGRAM_S
    )
    made = {name: (folder / name).with_suffix(".fods").read_text("utf-8") for name in files}
    assert all("S00000001" in text or "table:table-row" in text for text in made.values())
    return {name: re.findall(r'table:formula="([^"]*)"', text) for name, text in made.items()}


def test_no_text_of_a_certificate_is_a_formula_to_it(tmp_path: Path) -> None:
    rows = [hostile(text) for text in HOSTILE]
    (tmp_path / "control.csv").write_text(CONTROL, encoding="utf-8")
    (tmp_path / "people.csv").write_bytes(whole(people_csv(rows, audience="full", language="da")))
    (tmp_path / "machine.csv").write_bytes(whole(machine_csv(rows, audience="full")))
    (tmp_path / "book.xlsx").write_bytes(whole(workbook(rows, audience="full", language="da")))
    found = formulas(tmp_path, "control.csv", "people.csv", "machine.csv", as_csv=True)
    assert len(found.pop("control.csv")) == 1  # what this test would see
    found |= formulas(tmp_path, "book.xlsx", as_csv=False)
    assert found == {"people.csv": [], "machine.csv": [], "book.xlsx": []}
