"""The words and shapes of the public check, in Danish and English, for its page and for files that are posted. Pure.

One word and one shape for each verdict. Why it does not hold is one sentence for each code; the script takes them from
attributes of the page (`attributes`), so that a Danish page says nothing in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from collector.certificates.exports.columns import HEADINGS

Language = Literal["da", "en"]
Pair = tuple[str, str]
"""Danish, English."""

VERDICTS: Mapping[str, Pair] = {
    "holds": ("Holder", "Holds"),
    "does_not_hold": ("Holder ikke", "Does not hold"),
    "unknown_key": ("Ukendt nøgle", "Unknown key"),
    "no_certificate": ("Intet certifikat", "No certificate"),
    "cannot_check": ("Kan ikke kontrolleres her", "Cannot be checked here"),
}
SHAPES: Mapping[str, str] = {
    "holds": "●",
    "does_not_hold": "≠",
    "unknown_key": "?",
    "no_certificate": "◇",
    "cannot_check": "◌",
}
PROBLEMS: Mapping[str, Pair] = {
    "size": ("Filen er større, end noget certifikat er.", "The file is larger than any certificate."),
    "count": ("Der kontrolleres ikke flere filer ad gangen.", "No more files are checked at once."),
    "empty": ("Filen er tom.", "The file is empty."),
    "bom": (
        "Et program har sat et mærke foran (byte order mark). Tag filen, som den var.",
        "A program put a byte order mark before it. Take the file as it was.",
    ),
    "page": (
        "Siden beviser intet i sig selv, og der er ikke vedhæftet ét certifikat.",
        "The page proves nothing by itself, and not one certificate is attached to it.",
    ),
    "parts": ("Det er ikke en underskrevet fil (JWS).", "It is no signed file (JWS)."),
    "header": ("Den er ikke underskrevet som et certifikat.", "It is not signed as a certificate."),
    "depth": ("Den er lagt dybere ind i sig selv end noget certifikat.", "It is nested deeper than any certificate."),
    "twice": ("Et felt står der to gange.", "A field stands twice in it."),
    "form": ("Det er ikke et certifikat.", "It is no certificate."),
    "key": (
        "Den er underskrevet med en nøgle, som ikke kendes her.",
        "It is signed with a key that is not known here.",
    ),
    "signature": ("Underskriften passer ikke til indholdet.", "The signature does not fit its contents."),
    "contents": ("Indholdet er ikke et certifikats.", "Its contents are no certificate's."),
    "claims": ("Det påstår mere, end det viser.", "It claims more than it shows."),
    "ed25519": (
        "Denne browser kan ikke kontrollere underskrifter af den slags. Send filen i stedet.",
        "This browser cannot check such signatures. Post the file instead.",
    ),
    "keys": ("Stationens nøgle kunne ikke hentes. Prøv igen.", "The station's key could not be fetched. Try again."),
}


def say(pair: Pair, language: Language) -> str:
    """Choose the language's words."""
    return pair[language == "en"]


def attributes(language: Language) -> dict[str, str]:
    """List the attributes that static/check.js takes its words and shapes from."""
    found = {f"data-shape-{verdict}": shape for verdict, shape in SHAPES.items()}
    found |= {f"data-word-{verdict}": say(pair, language) for verdict, pair in VERDICTS.items()}
    found |= {f"data-word-problem-{code}": say(pair, language) for code, pair in PROBLEMS.items()}
    found |= {f"data-word-fact-claim-{claim}": say(pair, language) for claim, pair in HEADINGS.items()}
    return found
