"""docs/cli.md names every command, option, method and exit status that the program has, and none that it has not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from agent.cli import cli
from tests.agent.commands.conftest import REPOSITORY

TEXT = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(group: click.Group, path: str = "benchwipe") -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, with its full name."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


ALL = dict(commands(cli))


def section(name: str) -> str:
    """What stands under a command's heading."""
    found = re.search(rf"^### `{re.escape(name)}[ `].*?(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no heading for {name}"
    return found.group()


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_each_of_its_options_is_described(name: str) -> None:
    text = section(name)
    options = {option for param in ALL[name].params for option in param.opts if option.startswith("--")}
    shared = {"--config", "--state-dir"}
    assert {option for option in options - shared if f"`{option}" not in text} == set()
    told = set(re.findall(r"`(--[a-z-]+)", text))
    assert told - options - {"--help"} == set()


def test_nothing_is_described_that_is_not_there() -> None:
    told = {
        " ".join(re.findall(r"^[a-z-]+|(?<= )[a-z-]+", words)) for words in re.findall(r"^### `([^`]+)`", TEXT, re.M)
    }
    assert told == set(ALL)


def test_shared_options_and_exit_statuses_are_described_once_for_all() -> None:
    for option in ("--config FILE", "--state-dir DIR", "BENCHWIPE_STATE_DIR", "/etc/benchwipe/station.toml"):
        assert option in TEXT
    for status in ("0", "1", "2", "3", "130"):
        assert re.search(rf"^\| {status} \|", TEXT, re.MULTILINE), status


def test_the_overwrite_methods_are_those_of_the_program() -> None:
    from agent.planning.plan import known_methods

    assert [method for method in known_methods() if f"`{method}`" not in TEXT] == []
