"""The map of bays goes into the file as a careful person would write it: nothing else changes by a byte."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from agent.commands.work.bay_map import NotEditable, Place, with_ports

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "station.example.toml"


def block(port: str) -> Place:
    return Place("block", port)


def test_of_the_shipped_example_only_the_ports_change() -> None:
    text = EXAMPLE.read_text("utf-8")
    new = with_ports(text, {"A1": block("pci-1"), "A3": block("pci-3")}, where="f")
    changed = [(a, b) for a, b in zip(text.splitlines(), new.splitlines(), strict=True) if a != b]
    assert [b for _, b in changed] == ['port = "pci-1"   # no default', 'port = "pci-3"']
    assert tomllib.loads(new)["bay"][0]["port"] == "pci-1"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ('[[bay]]\nport = "x"\nname = "A1"\n', '[[bay]]\nport = "n"\nname = "A1"\n'),
        ("[[bay]] # 1\n  name='A1'\n  port  =  'x' # 'y'\n", "[[bay]] # 1\n  name='A1'\n  port  =  \"n\" # 'y'\n"),
        ('[[ bay ]]\r\n"name" = "A1"\r\n"port" = "x"\r\n', '[[ bay ]]\r\n"name" = "A1"\r\n"port" = "n"\r\n'),
        ('[[bay]]\nname = "A1"\nport = "a\\"b"', '[[bay]]\nname = "A1"\nport = "n"'),
        ("", '\n[[bay]]\nname = "A1"\nport = "n"\n'),
        ("[station]\nid = 'b'", '[station]\nid = \'b\'\n\n[[bay]]\nname = "A1"\nport = "n"\n'),
        (
            '[[bay]]\nname = "B"\nport = "x"\n[mqtt]\nhost = "h"\n',
            '[[bay]]\nname = "B"\nport = "x"\n[mqtt]\nhost = "h"\n\n[[bay]]\nname = "A1"\nport = "n"\n',
        ),
        (
            '[station]\nname = """\n[[bay]]\nname = "A1"\n"""\n[[bay]]\nname = "A1"\nport = "x"\n',
            '[station]\nname = """\n[[bay]]\nname = "A1"\n"""\n[[bay]]\nname = "A1"\nport = "n"\n',
        ),
        (
            '# port = "keep"\n[[bay]]\n# port = "keep"\nname = "A1"\nport = "x"\n',
            '# port = "keep"\n[[bay]]\n# port = "keep"\nname = "A1"\nport = "n"\n',
        ),
    ],
)
def test_however_a_table_is_written(text: str, new: str) -> None:
    assert with_ports(text, {"A1": block("n")}, where="f") == new


def test_a_new_bay_of_another_source_says_so() -> None:
    new = with_ports("", {"A1": Place("bench", "p1")}, where="f")
    assert tomllib.loads(new) == {"bay": [{"name": "A1", "port": "p1", "source": "bench"}]}


@pytest.mark.parametrize(
    "text",
    [
        'bay = [{ name = "A1", port = "x" }]\n',
        '[[bay]]\nname = "A1"\nport = """x"""\n',
        '[station]\nname = """\n[[bay]]\nname = "A1"\nport = "x"\n[x]\n"""\n[[bay]]\nname = "A1"\nport = "x"\n',
    ],
)
def test_what_cannot_be_edited_is_refused_with_the_lines_to_write(text: str) -> None:
    with pytest.raises(NotEditable, match='write into it: bay A1: port = "n"'):
        with_ports(text, {"A1": block("n")}, where="f")
