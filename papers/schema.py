"""Turns parsed TOML or JSON into frozen dataclasses by their type hints, and reports everything that does not fit.

A dataclass is its own schema: the field's name is the key, its type hint says what may stand there, and its default
makes it optional. Two kinds of fields do not come from the table itself: one marked `KEY` takes the key under which
the table stands, one marked `GIVEN` is filled in by the caller.
"""

from __future__ import annotations

import collections.abc
import json
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from itertools import chain
from typing import Any, Literal, TypeAlias, Union

Number: TypeAlias = int | float
Value: TypeAlias = bool | int | float | str | tuple[Any, ...]
Report: TypeAlias = Callable[[str, str], None]
"""Takes the place (as `claims[3].criteria[0].low`) and a message."""

KINDS: Mapping[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table",
    Any: "text, a number, true or false",
}

KEY = {"filled by": "key"}
GIVEN = {"filled by": "caller"}


class Invalid:
    """What a value that did not fit is converted to; the reason has been reported."""


INVALID = Invalid()


def fields_of(kind: type, table: object, place: str, report: Report, given: Mapping[str, object]) -> dict[str, object]:
    """Convert the fields of one table.

    Args:
        kind: The dataclass that the table describes.
        table: What the parser returned.
        place: Where the table stands, for messages; "" for the whole file.
        report: Called with the place and a message for everything that does not fit.
        given: Values of the fields marked `GIVEN`, here and in the tables within.

    Returns:
        The fields that fit. A field that does not fit, or is missing, is reported and left out.
    """
    if not isinstance(table, dict):
        report(place, f"{place or 'the file'} must be a table, not {describe(table)}")
        return {}
    converted: dict[str, object] = {}
    own = _own_fields(kind)
    for key in table:
        if key not in own:
            report(join(place, key), f"unknown key `{key}`{_within(place)}{did_you_mean(key, own)}")
    hints = _hints(kind)
    for name, field in own.items():
        if name not in table:
            if field.default is MISSING and field.default_factory is MISSING:
                report(place, f"`{name}` is missing{_within(place)}")
            continue
        value = table[name]
        if value == "" and field.default != "":
            report(join(place, name), f"{join(place, name)} is empty; say it or leave the key out")
            continue
        result = convert(hints[name], value, join(place, name), report, given)
        if result is not INVALID:
            converted[name] = result
    for field in fields(kind):
        if field.metadata == GIVEN and field.name in given:
            converted[field.name] = given[field.name]
    return converted


def convert(hint: object, value: object, place: str, report: Report, given: Mapping[str, object]) -> object:
    """Convert one value to what a type hint asks for; report and return `INVALID` where it does not fit."""
    choice = _by_kind(hint).get(type(value))
    if choice is None or (typing.get_origin(choice) is Literal and value not in typing.get_args(choice)):
        report(place, f"{place} must be {_expected(hint)}, not {describe(value)}")
        return INVALID
    if isinstance(value, int | float) and not is_finite(value):
        report(place, f"{place} must be a finite number")
        return INVALID
    if isinstance(value, list):
        inner = typing.get_args(choice)[0] if typing.get_args(choice) else Any
        if _all_plain(inner, value):
            return tuple(value)
        if _all_plain_rows(inner, value):  # the points of a curve, of which there can be many
            return tuple(map(tuple, value))
        items = [convert(inner, item, f"{place}[{index}]", report, given) for index, item in enumerate(value)]
        return tuple(item for item in items if item is not INVALID)
    if isinstance(value, dict):
        return _convert_table(choice, value, place, report, given)
    return value


def _convert_table(
    hint: object, table: dict[str, object], place: str, report: Report, given: Mapping[str, object]
) -> object:
    """Convert a table to a dataclass, or to a read-only mapping of what the hint says its values are."""
    if is_dataclass(hint):
        return _build(typing.cast(type, hint), table, place, report, given, {})
    inner = typing.get_args(hint)[1] if typing.get_args(hint) else Any
    entries: dict[str, object] = {}
    for key, value in table.items():
        if is_dataclass(inner):
            named = {field.name: key for field in fields(inner) if field.metadata == KEY}
            entry = _build(typing.cast(type, inner), value, join(place, key), report, given, named)
        else:
            entry = convert(inner, value, join(place, key), report, given)
        if entry is not INVALID:
            entries[key] = entry
    return types.MappingProxyType(entries)


def _build(
    kind: type, table: object, place: str, report: Report, given: Mapping[str, object], named: Mapping[str, object]
) -> object:
    """Make one dataclass, or return `INVALID` if anything in its table did not fit."""
    faults = 0

    def count(where: str, message: str) -> None:
        nonlocal faults
        faults += 1
        report(where, message)

    converted = fields_of(kind, table, place, count, given)
    return INVALID if faults else kind(**converted, **named)


def as_data(thing: object) -> object:
    """Return dataclasses, read-only mappings and tuples as the plain dictionaries and lists that JSON knows."""
    if is_dataclass(thing) and not isinstance(thing, type):
        return {field.name: as_data(getattr(thing, field.name)) for field in fields(thing) if field.repr}
    if isinstance(thing, Mapping):
        return {str(key): as_data(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [as_data(item) for item in thing]
    if thing is None or isinstance(thing, str | int | float):
        return thing
    return str(thing)


def as_text(value: object) -> str:
    """Return a value as it would be written in a file: `[0.5, 0.25]`, `"Adam"`, `true`."""
    return json.dumps(as_data(value), ensure_ascii=False)


def join(place: str, key: str) -> str:
    """Return the place of a key within the table at `place`."""
    return f"{place}.{key}" if place else key


def is_finite(value: Number) -> bool:
    """Whether a number fits a float and is neither infinite nor undefined."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def describe(value: object) -> str:
    """Name the kind of a parsed value in plain words."""
    if value is None:
        return "null"
    return KINDS.get(type(value), "a date or time")


def closest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice that looks most like a mistyped word, if one does."""
    import difflib

    by_folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown word: a question that names the closest choice, or nothing."""
    choice = closest(word, choices)
    return f"; did you mean `{choice}`?" if choice else ""


def _within(place: str) -> str:
    return f" in {place}" if place else ""


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


@cache
def _own_fields(kind: type) -> dict[str, Field[Any]]:
    """The fields that are read from the table itself."""
    return {field.name: field for field in fields(kind) if field.metadata not in (KEY, GIVEN)}


def _options(hint: object) -> tuple[Any, ...]:
    """The alternatives of a union; the hint itself if it is none."""
    return typing.get_args(hint) if typing.get_origin(hint) in (Union, types.UnionType) else (hint,)


@cache
def _by_kind(hint: object) -> dict[type, object]:
    """Which alternative of a hint takes a parsed value, by the value's type."""
    chosen: dict[type, object] = {}
    for option in _options(hint):
        origin = typing.get_origin(option) or option
        if option is Any:
            kinds: tuple[type, ...] = (bool, int, float, str, list)
        elif origin is tuple:
            kinds = (list,)
        elif is_dataclass(origin) or origin is collections.abc.Mapping:
            kinds = (dict,)
        elif option is float:
            kinds = (float, int)
        else:
            kinds = (str,) if origin is Literal else (typing.cast(type, option),)
        for kind in kinds:
            chosen.setdefault(kind, option)
    return chosen


@cache
def _plain_kinds(hint: object) -> frozenset[type]:
    """The types of parsed values that a hint takes as they are: null, truth values, text and numbers."""
    kinds = {kind for kind, option in _by_kind(hint).items() if typing.get_origin(option) is not Literal}
    return frozenset(kinds & {type(None), bool, str, int, float})


def _all_plain(hint: object, values: Iterable[object]) -> bool:
    """Whether all values are of kinds that a hint takes as they are, and no number is infinite."""
    values = list(values)
    if not _plain_kinds(hint).issuperset(map(type, values)):
        return False
    fractions = [value for value in values if type(value) is float]
    whole = [value for value in values if type(value) is int]
    return all(map(math.isfinite, fractions)) and is_finite(max(map(abs, whole), default=0))


def _all_plain_rows(hint: object, rows: list[object]) -> bool:
    """Whether all rows are lists, and what they hold is plain."""
    inner = _by_kind(hint).get(list)
    if inner is None or not typing.get_args(inner) or set(map(type, rows)) != {list}:
        return False
    return _all_plain(typing.get_args(inner)[0], chain.from_iterable(typing.cast(list[list[object]], rows)))


def _expected(hint: object) -> str:
    """Say in plain words what a hint asks for."""
    parts: list[str] = []
    for option in _options(hint):
        origin = typing.get_origin(option) or option
        if option is type(None) or (option is int and float in _options(hint)):
            continue
        if origin is Literal:
            parts.append("one of " + ", ".join(f"`{choice}`" for choice in typing.get_args(option)))
        elif origin is tuple:
            parts.append("a list")
        elif is_dataclass(origin) or origin is collections.abc.Mapping:
            parts.append("a table")
        else:
            parts.append(KINDS[option])
    return " or ".join(parts)
