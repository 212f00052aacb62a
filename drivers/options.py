"""Plain data (parsed TOML) -> frozen values, with every problem gathered, not only the first.

Used by the station's settings, by each driver's settings and by the collector's: one wording for all of them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from msgspec import inspect

T = TypeVar("T", bound=msgspec.Struct)
DEEPEST = 16  # tables and lists in each other; no configuration of ours has more than five
TOO_DEEP = f"is no configuration: more than {DEEPEST} tables or lists stand in each other"
LONGEST = 1 << 22  # bytes; ten thousand operators are 600 KB
TOO_LONG = f"is no configuration: it has more than {LONGEST} bytes"

# RFC 1123, section 2.1, with the underscore that many networks have; or an IPv6 address, with its zone.
HOST_PATTERN = (
    r"^(?=.{1,253}$)(?:(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}"
    r"[A-Za-z0-9_])?\.?|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?)$"
)
Host = Annotated[str, msgspec.Meta(pattern=HOST_PATTERN)]
WORDS = {HOST_PATTERN: "a host's name or address alone, without scheme or port"}
"""What a pattern asks for, where that is easier said than read."""


ADDRESS = "HOST, HOST:PORT or [IPv6 address]:PORT"


def read_address(told: str, port: int) -> tuple[str, int] | None:
    """Read HOST or HOST:PORT; `port` where none is given. None where it is no such address."""
    if re.fullmatch(HOST_PATTERN, told):
        return told, port
    host, _, given = (told, "", str(port)) if told.endswith("]") else told.rpartition(":")
    inner = host[1:-1] if host.startswith("[") and host.endswith("]") and ":" in host else host
    plain = re.fullmatch(HOST_PATTERN, inner) and (":" in inner) == (inner != host)
    found = int(given) if plain and re.fullmatch(r"[0-9]{1,5}", given) else 0
    return (inner, found) if 1 <= found <= 65535 else None


def read_toml(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read the document and its problems (at most one: the file, or its syntax)."""
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            return {}, [TOO_LONG]
        data = tomllib.loads(text.decode())
    except RecursionError:
        return {}, [TOO_DEEP]
    except OSError as error:
        return {}, [f"cannot be read: {error.strerror}"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return {}, [f"is not valid TOML: {error}"]
    return ({}, [TOO_DEEP]) if _deeper(data, DEEPEST) else (data, [])


def _deeper(value: object, levels: int) -> bool:
    """Say whether tables and lists stand in each other further down than that."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_deeper(item, levels - 1) for item in inner)


def convert(data: Mapping[str, Any], to: type[T], *, path: str = "") -> tuple[T | None, list[str]]:
    """Convert to the value, or to None and one line for each problem.

    The line: the key's path, the value found, what is allowed.
    """
    info = inspect.type_info(to)
    assert isinstance(info, inspect.StructType)
    problems = _problems(data, info, path)
    if problems:
        return None, problems
    try:
        return msgspec.convert(dict(data), to), []
    except msgspec.ValidationError as error:  # a check of the struct's own __post_init__
        return None, [f"{path or 'the file'}: {_without_place(error)}"]


def _problems(data: object, info: inspect.StructType, path: str) -> list[str]:
    if not isinstance(data, Mapping):
        return [f"{path} = {_show(data)}: allowed is a table"]
    known = {field.encode_name: field for field in info.fields}
    problems = [_unknown(_join(path, key), key, list(known)) for key in data if key not in known]
    for name, field in known.items():
        here = _join(path, name)
        if name in data:
            problems += _value_problems(data[name], field.type, here)
        elif field.required:
            problems.append(f"{here} is missing: it takes {describe(field.type)}")
    return problems


def _value_problems(value: object, kind: inspect.Type, path: str) -> list[str]:
    if isinstance(kind, inspect.UnionType) and value is not None:
        tables = [t for t in kind.types if isinstance(t, inspect.StructType)]
        kind = tables[0] if len(tables) == 1 and isinstance(value, Mapping) else kind  # an optional table
    if isinstance(kind, inspect.StructType):
        return _problems(value, kind, path)
    if isinstance(kind, (inspect.ListType, inspect.VarTupleType)) and isinstance(value, list):
        return [p for i, item in enumerate(value) for p in _value_problems(item, kind.item_type, f"{path}[{i}]")]
    if isinstance(kind, inspect.DictType) and isinstance(value, Mapping):
        return [p for key, item in value.items() for p in _value_problems(item, kind.value_type, _join(path, key))]
    try:
        msgspec.convert(value, cast(Any, _python_type(kind)))
    except msgspec.ValidationError:
        return [f"{path} = {_show(value)}: allowed is {describe(kind)}"]
    return []


def _unknown(path: str, key: str, known: list[str]) -> str:
    import difflib  # only a mistake needs it

    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"{path} is not a known key; did you mean {near[0]}?"
    return f"{path} is not a known key; known here: {', '.join(sorted(known)) or 'none'}"


def describe(kind: inspect.Type) -> str:
    """Describe what a value of this type may be, in words."""
    match kind:
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(str(v) for v in values)
        case inspect.EnumType(cls=cls):
            return "one of " + ", ".join(str(m.value) for m in cls)
        case inspect.IntType() | inspect.FloatType():
            return ("a whole number" if isinstance(kind, inspect.IntType) else "a number") + _bounds(kind)
        case inspect.StrType(pattern=pattern, min_length=least):
            if pattern in WORDS:
                return WORDS[pattern]
            return "text" + (f" that matches {pattern}" if pattern else " that is not empty" if least else "")
        case inspect.BoolType():
            return "true or false"
        case inspect.UnionType(types=types):
            return " or ".join(describe(t) for t in types if not isinstance(t, inspect.NoneType))
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return f"a list of {describe(item)}"
        case inspect.StructType() | inspect.DictType():
            return "a table"
        case _:
            return type(kind).__name__.removesuffix("Type").lower()


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    words = (("from", kind.ge), ("above", kind.gt), ("up to", kind.le), ("below", kind.lt))
    return "".join(f" {word} {bound}" for word, bound in words if bound is not None)


def _python_type(kind: inspect.Type) -> object:
    """The annotation that msgspec.convert takes for a leaf of the inspected tree."""
    match kind:
        case inspect.LiteralType(values=values):
            return Literal[values]
        case inspect.EnumType(cls=cls):
            return cls
        case inspect.UnionType(types=types):
            return reduce(or_, (cast(Any, _python_type(t)) for t in types))
        case inspect.NoneType():
            return type(None)
        case inspect.BoolType():
            return bool
        case inspect.IntType():
            return _constrained(int, kind)
        case inspect.FloatType():
            return _constrained(float, kind)
        case inspect.StrType(pattern=pattern, min_length=least, max_length=most):
            return Annotated[str, msgspec.Meta(pattern=pattern, min_length=least, max_length=most)]
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return list[_python_type(item)]  # type: ignore[misc]
        case inspect.DictType():
            return dict
        case _:
            return Any


def _constrained(base: type[Any], kind: inspect.IntType | inspect.FloatType) -> object:
    bounds: dict[str, Any] = {n: v for n in ("ge", "gt", "le", "lt") if (v := getattr(kind, n)) is not None}
    return Annotated[base, msgspec.Meta(**bounds)] if bounds else base


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _without_place(error: msgspec.ValidationError) -> str:
    return str(error).split(" - at `")[0]
