"""What the collector's code and templates say to readers: every text that goes through gettext, found in the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from django.utils.translation.template import templatize

HOUSE = Path(__file__).parents[2] / "collector"
CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "Mark"}
IN_TEMPLATE = re.compile(r"""(?:\b|\s)(n?gettext|_)\(u?((?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))""", re.DOTALL)
IGNORED = {"script", "style", "code", "pre"}
LOUD = {"title", "placeholder", "aria-label", "alt", "data-away"}


def texts_of_code(path: Path) -> Iterator[str]:
    """Texts that a Python file gives to gettext, and the words of its marks."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        first = node.args[0]
        if name in CALLS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def texts_of_template(path: Path) -> Iterator[str]:
    """Texts of a template's translate and blocktranslate tags."""
    for _name, quoted in IN_TEMPLATE.findall(templatize(path.read_text(encoding="utf-8"))):
        text = ast.literal_eval(quoted.replace("\n", "\\n"))
        yield text


def texts() -> dict[str, str]:
    """Every text -> the file that says it."""
    found: dict[str, str] = {}
    for path in sorted(HOUSE.rglob("*.py")):
        found |= {text: str(path.relative_to(HOUSE)) for text in texts_of_code(path)}
    for path in sorted([*HOUSE.rglob("*.html"), *HOUSE.rglob("templates/**/*.txt")]):
        found |= {text: str(path.relative_to(HOUSE)) for text in texts_of_template(path)}
    return found


class Reader(HTMLParser):
    """Gathers what a person reads or hears of a page, outside of what is code and of what says its own language."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Hear the attributes that are read aloud; go silent within code, and where another language is named."""
        told = dict(attrs)
        self.read += [value for name, value in attrs if name in LOUD and value]
        foreign = tag != "html" and "lang" in told
        if self._silent:
            self._silent += [tag] * (tag == self._silent[0])
        elif tag in IGNORED or foreign:
            self._silent = [tag]

    def handle_endtag(self, tag: str) -> None:
        """Speak again after it."""
        if self._silent and tag == self._silent[0]:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        """Read the text."""
        if not self._silent and data.strip():
            self.read.append(data.strip())


def read(page: str) -> list[str]:
    """What a person reads of a page."""
    reader = Reader()
    reader.feed(page)
    return reader.read
