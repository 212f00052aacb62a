"""No forbidden word of praise stands in any template, catalogue, factor set or document, in Danish or English.

General environmental claims need a life cycle assessment of the whole (markedsføringsloven §§ 5, 6 and 13), and from
2026-09-27 generic claims, own labels and neutrality by compensation are banned. What is told is a figure with its
range, its comparison, its year and its source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.phrases import po
from tests.collector import catalogue

REPOSITORY = Path(__file__).parents[3]
DANISH = (
    r"grøn\w*",
    r"bæredygtig\w*",
    r"(?:miljø|klima|natur)[- ]?(?:venlig|rigtig|skånsom|positiv|neutral|sikker|bevidst)\w*",
    r"(?:co2|co₂|kulstof|carbon|klima)[- ]?(?:neutral|fri|positiv|negativ)\w*",
    r"(?:skåner|redder|hjælper) (?:miljøet|klimaet|naturen|planeten)",
    r"godt for (?:miljøet|klimaet|planeten|naturen)",
    r"økologisk\w*",
    r"øko-\w+",
    r"nul[- ]?(?:udledning|emission)\w*",
    r"klimakompens\w*",
    r"ren samvittighed",
)
ENGLISH = (
    r"green(?:er|est)?",
    r"(?:un)?sustainab\w*",
    r"(?:eco|environmentally|climate|nature|planet|earth)[- ]?(?:friendly|safe|conscious|smart|positive|neutral)",
    r"(?:carbon|co2|co₂|climate)[- ]?(?:neutral\w*|free|positive|negative|offset\w*)",
    r"net[- ]?zero",
    r"zero[- ]?(?:emission|carbon|waste)s?",
    r"low[- ]carbon",
    r"good for the (?:environment|planet|climate)",
    r"saves? the (?:planet|climate|environment)",
    r"eco(?:logical)?",
    r"eco-\w+",
    r"guilt[- ]free",
)
FORBIDDEN = re.compile(rf"(?<![\w/.#-])(?:{'|'.join((*DANISH, *ENGLISH))})(?![\w-])", re.IGNORECASE)


def praise(text: str) -> list[str]:
    """The forbidden words in a text."""
    return [found.group() for found in FORBIDDEN.finditer(text)]


def texts(root: Path = REPOSITORY) -> Iterator[tuple[str, str]]:
    """Where -> text: templates, catalogues (both languages), factor sets, documents, words of pages on paper."""
    for pattern in ("collector/**/*.html", "collector/**/*.svg", "collector/**/templates/**/*.txt", "docs/**/*.md",
                    "*.md", "config/**/*.toml", "collector/effect/factor_sets/*.toml"):  # fmt: skip
        for path in sorted(root.glob(pattern)):
            if "static" not in path.parts:
                yield str(path.relative_to(root)), path.read_text("utf-8")
    for path in sorted([*root.glob("collector/**/*.po"), *root.glob("agent/phrases/**/*.po")]):
        for (_context, key), told in po.read_po(path.read_text("utf-8")).items():
            yield str(path.relative_to(root)), f"{key}\n{told}"


def test_no_text_praises() -> None:
    found = [(where, word) for where, text in texts() for word in praise(text)]
    assert found == []
    code = [(where, word) for text, where in catalogue.texts().items() for word in praise(text)]
    assert code == []


def test_every_kind_of_text_is_looked_at() -> None:
    looked = {where for where, _ in texts()}
    for part in ("collector/effect/templates/effect/effect.html", "collector/effect/templates/effect/chart.svg",
                 "collector/effect/locale/da/LC_MESSAGES/django.po", "docs/collector.md", "README.md",
                 "collector/effect/factor_sets/2026-1.toml", "collector/templates/base.html"):  # fmt: skip
        assert part in looked
    assert any(where.startswith("agent/phrases/") for where in looked)
    assert len(catalogue.texts()) > 300


@pytest.mark.parametrize(
    "told",
    [
        "Vores bæredygtige løsning",
        "et Grønt valg",
        "klimavenligt genbrug",
        "CO2-neutral levering",
        "skåner miljøet",
        "nul-udledning",
        "øko-computer",
        "A greener choice",
        "Sustainability report",
        "carbon-neutral laptops",
        "climate friendly",
        "our eco-friendly shop",
        "Net Zero by 2030",
        "saves the planet",
    ],
)
@pytest.mark.parametrize("place", ["docs/a.md", "collector/effect/templates/effect/a.html", "catalogue"])
def test_a_planted_word_is_found(told: str, place: str, tmp_path: Path) -> None:
    name = "collector/x/locale/da/LC_MESSAGES/django.po" if place == "catalogue" else place
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(f'msgid "Effect"\nmsgstr "{told}"\n' if place == "catalogue" else f"<p>{told}.</p>\n", "utf-8")
    assert [word for _where, text in texts(tmp_path) for word in praise(text)] != []


def test_plain_words_are_no_praise() -> None:
    plain = ("Beregnet undgået udledning", "environmental-footprint-data", "environment variable", "kg CO2e")
    for told in (*plain, "dataansvarlig", "Ansvarligt forbrug og produktion", "evergreen"):
        assert praise(told) == []
