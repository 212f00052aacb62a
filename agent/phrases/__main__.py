"""`python -m agent.phrases`: compile each language's catalogue. Exit status 1 where one cannot be."""

from __future__ import annotations

import sys

from agent.phrases import po


def main() -> int:
    """Compile every catalogue, and print one line for each that cannot be compiled."""
    wrong = False
    for text in sorted(po.FOLDER.glob(f"*/LC_MESSAGES/{po.DOMAIN}.po")):
        try:
            text.with_suffix(".mo").write_bytes(po.mo_bytes(po.read_po(text.read_text("utf-8"))))
        except ValueError as error:
            print(f"{text}: {error}", file=sys.stderr)
            wrong = True
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
