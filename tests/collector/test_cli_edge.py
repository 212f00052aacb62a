"""What no command foresaw is one line, too: no traceback reaches whoever typed it."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from collector.cli import main

BREAKS = {
    "defect": ZeroDivisionError("division by zero"),
    "disk": PermissionError(13, "Permission denied", "/srv/books"),
}


@pytest.fixture(params=BREAKS)
def broken(request: pytest.FixtureRequest) -> Iterator[str]:
    """A command with a defect in it."""

    def work() -> None:
        raise BREAKS[request.param]

    name = str(request.param)
    main.add_command(click.Command(name, callback=work))
    yield name
    del main.commands[name]


def test_a_defect_is_one_line_and_is_shown_to_whoever_looks_for_it(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(main, [broken])
    assert isinstance(done.exception, SystemExit)
    assert len(done.stderr.splitlines()) == 1
    wanted = {"defect": (1, "ZeroDivisionError: division by zero"), "disk": (2, "/srv/books: Permission denied")}[
        broken
    ]
    assert done.exit_code == wanted[0]
    assert wanted[1] in done.stderr
    monkeypatch.setenv("BENCHWIPE_DEBUG", "1")
    shown = CliRunner().invoke(main, [broken]).exception
    assert isinstance(shown, ZeroDivisionError if broken == "defect" else SystemExit)
