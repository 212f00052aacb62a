"""The shape of a certificate's record for the browser's own check: static/record.js, made out of the record's types.

`python -m collector.certificates.record_shape` writes it anew; a test says when that is due. A shape is a letter ("s"
text, "i" whole number, "f" number, "b" flag, "n" null, "a" anything), {"e": allowed}, {"l": items}, {"m": values},
{"u": any of these}, or {"o": {field: shape}, "r": [required fields]}.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec import inspect

from agent.certificates.record import Record

FILE = Path(__file__).parents[1] / "static" / "record.js"
HEAD = """// A certificate's record: made by `python -m collector.certificates.record_shape`, never by hand.
export const RECORD = """
_LETTERS: tuple[tuple[type[inspect.Type], str], ...] = (
    (inspect.StrType, "s"),
    (inspect.IntType, "i"),
    (inspect.FloatType, "f"),
    (inspect.BoolType, "b"),
    (inspect.NoneType, "n"),
    (inspect.AnyType, "a"),
)


def shape(of: inspect.Type) -> Any:  # noqa: ANN401 - a document of JSON
    """Describe a type of msgspec's. TypeError for one that no record has until now."""
    for kind, letter in _LETTERS:
        if isinstance(of, kind):
            return letter
    match of:
        case inspect.LiteralType():
            return {"e": list(of.values)}
        case inspect.VarTupleType() | inspect.ListType():
            return {"l": shape(of.item_type)}
        case inspect.DictType():
            return {"m": shape(of.value_type)}
        case inspect.UnionType():
            return {"u": [shape(one) for one in of.types]}
        case inspect.StructType():
            required = [field.encode_name for field in of.fields if field.required]
            return {"o": {field.encode_name: shape(field.type) for field in of.fields}, "r": required}
    raise TypeError(f"no shape is known of {of!r}")


def script() -> str:
    """Write the script as it must be."""
    return f"{HEAD}{json.dumps(shape(inspect.type_info(Record)), indent=1)};\n"


if __name__ == "__main__":
    FILE.write_text(script(), encoding="utf-8")
