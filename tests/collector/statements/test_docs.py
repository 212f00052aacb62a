"""Every command of docs/statements.md does what the page says: it is typed as it stands there, in its order."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from agent.certificates.jws import public_jwk
from collector.certificates import statements_validation as validation
from collector.statements import services
from collector.statements.models import SignedStatement
from tests.collector.house import House
from tests.collector.units.workshop import FAILED, Workshop
from tests.patience import PROGRAM_S

PAGE = Path(__file__).resolve().parents[3] / "docs" / "statements.md"
COMMANDS = re.findall(r"(?m)^benchwipe-collector (.+)$", PAGE.read_text("utf-8"))
REPORT = b'{"disks": [{"serial": "35H2SCTWS", "status": "Erased"}]}'


def typed(folder: Path, line: str, places: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    words = [places.get(word, word) for word in shlex.split(line)]
    whole = [sys.executable, "-m", "collector.cli", *words, "--config", str(folder / "c.toml")]
    return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=PROGRAM_S, cwd=PAGE.parents[1])


def test_every_command_of_the_page_is_typed_as_it_stands_there(house: House) -> None:
    shop = Workshop(house)
    shop.receive(2)
    good, _bad = shop.certify("T2"), shop.certify("T1", **FAILED)
    house.person("technician", login="tina")
    house.person("validator", login="vera")
    (said,) = validation.validate(shop.actor("validator", login="vera"), [good.id], "accepted")
    file, keys, report = house.folder / "one.jws", house.folder / "keys.jwks", house.folder / "report.json"
    file.write_bytes(bytes(said.compact))
    keys.write_text(json.dumps({"keys": [public_jwk(key) for key in services.own_keys().values()]}))
    report.write_bytes(REPORT)
    places = {"CERTIFICATE": good.record.number, "DRIVE": "DRIVET1", "keys.jwks": str(keys), "FILE.jws": str(file)}
    assert len(COMMANDS) == 9
    for line in COMMANDS:
        done = typed(house.folder, line, {**places, "FILE": str(report)})
        assert done.returncode == 0, (line, done.stderr)
    assert (shop.unit("T1").data, shop.unit("T2").grade) == ("destroyed", "A")
    kinds = list(SignedStatement.unfiltered.order_by("seq").values_list("kind", flat=True))
    assert kinds[-6:] == ["validation", "validation", "validation", "destruction", "count", "grade"]
    assert services.problems() == []
