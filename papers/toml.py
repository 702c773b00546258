"""Reads TOML and remembers the line of every key, which the standard library's parser does not tell."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli  # the standard library's parser, compiled: eight times as fast, which every reading command feels

from papers.errors import Problem, UserError
from papers.files import read_text

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
LAST_PART = re.compile(r"(\.[^.\[\]]*|\[\d+\]|^[^.\[\]]*)$")


@dataclass(frozen=True)
class Document:
    """A parsed TOML file.

    Attributes:
        path: The file.
        text: Its text.
        table: What it says.
    """

    path: Path
    text: str
    table: Mapping[str, Any]

    @cached_property
    def lines(self) -> Mapping[str, int]:
        """The line of every key and list item, by place (`claims[3].criteria[0].low`)."""
        return locate(self.text)

    def line(self, place: str) -> int:
        """Return the line of a place, or of the nearest thing around it that stands in the file."""
        return nearest_line(self.lines, place)


def nearest_line(lines: Mapping[str, int], place: str) -> int:
    """Return the line of a place, or of the nearest thing around it that has a line."""
    while place and place not in lines:
        place = LAST_PART.sub("", place)
    return lines.get(place, 1)


def read(path: Path) -> Document:
    """Read and parse a TOML file.

    Raises:
        UserError: If the file cannot be read or is not TOML, with the line.
    """
    text = read_text(path)
    try:
        table = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise UserError(_syntax_problem(str(error), text, path)) from None
    except RecursionError:
        raise UserError(Problem("the file is nested too deeply", path)) from None
    except ValueError as error:
        raise UserError(Problem(f"not valid TOML: {error}", path)) from None
    return Document(path, text, table)


def _syntax_problem(message: str, text: str, path: Path) -> Problem:
    """Turn the parser's message, which carries the place as text, into a problem with a line."""
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    what = message[: place.start()] if place else message
    line = int(place[1]) if place and place[1] else text.rstrip("\n").count("\n") + 1
    if "Cannot overwrite" in what or "twice" in what or "Duplicate" in what:
        # The parser notices a repeated key at its end, so the line's own text names it.
        what = f"given twice, the second time here: {text.splitlines()[line - 1].strip() or what}"
    return Problem(f"not valid TOML: {what[:1].lower()}{what[1:]}", path, line)


def locate(text: str) -> dict[str, int]:
    """Return the line of every key and list item of a valid TOML text, by place."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    """Walks over text that is known to be valid TOML, so that it need only find where things begin and end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.lines: dict[str, int] = {}
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.last_item: dict[str, int] = {}  # index of the newest item of each array of tables

    def document(self) -> None:
        table = ""
        while self.skip("\n"):
            if self.accept("[["):
                table = self.header(new_item=True)
                self.accept("]]")
            elif self.accept("["):
                table = self.header(new_item=False)
                self.accept("]")
            else:
                self.pair(table)

    def header(self, new_item: bool) -> str:
        """Read the name of a table and return its place."""
        self.skip()
        line = self.line()
        *outer, last = self.key()
        place = ""
        for part in outer:
            place = self.newest(f"{place}.{part}" if place else part)
        place = f"{place}.{last}" if place else last
        self.lines.setdefault(place, line)
        if new_item:
            self.last_item[place] = self.last_item.get(place, -1) + 1
        place = self.newest(place)
        self.lines.setdefault(place, line)
        self.skip()
        return place

    def newest(self, place: str) -> str:
        return f"{place}[{self.last_item[place]}]" if place in self.last_item else place

    def pair(self, table: str) -> None:
        """Read `key = value` within a table."""
        line = self.line()
        place = table
        for part in self.key():
            place = f"{place}.{part}" if place else part
            self.lines.setdefault(place, line)
        self.skip()
        self.accept("=")
        self.skip()
        self.value(place)

    def key(self) -> list[str]:
        """Read a dotted key."""
        parts: list[str] = []
        while True:
            self.skip()
            start = self.position
            if self.text[start] in "\"'":
                self.string()
                parts.append(str(tomli.loads(f"key = {self.text[start : self.position]}")["key"]))
            else:
                bare = BARE_KEY.match(self.text, start)
                if bare is None:
                    raise AssertionError(f"no key at line {self.line()}")
                self.position = bare.end()
                parts.append(bare[0])
            self.skip()
            if not self.accept("."):
                return parts

    def value(self, place: str) -> None:
        """Read a value and note the lines of what it contains."""
        if self.text[self.position] in "\"'":
            self.string()
        elif self.accept("["):
            index = 0
            while self.skip("\n,") and not self.accept("]"):
                self.lines[f"{place}[{index}]"] = self.line()
                self.value(f"{place}[{index}]")
                index += 1
        elif self.accept("{"):
            while self.skip("\n,") and not self.accept("}"):
                self.pair(place)
        else:
            while self.position < len(self.text) and self.text[self.position] not in ",]}\n#":
                self.position += 1

    def string(self) -> None:
        """Skip a string of any of the four kinds."""
        quote = self.text[self.position]
        triple = quote * 3
        if self.accept(triple):
            while not self.text.startswith(triple, self.position):
                self.position += 2 if quote == '"' and self.text[self.position] == "\\" else 1
            self.position += 3
            # Up to two quotes may stand directly before the closing three.
            while self.text.startswith(quote, self.position):
                self.position += 1
            return
        self.position += 1
        while self.text[self.position] != quote:
            self.position += 2 if quote == '"' and self.text[self.position] == "\\" else 1
        self.position += 1

    def skip(self, also: str = "") -> bool:
        """Skip blanks, comments and the characters in `also`; return whether anything is left."""
        while self.position < len(self.text):
            character = self.text[self.position]
            if character == "#":
                end = self.text.find("\n", self.position)
                self.position = len(self.text) if end < 0 else end
            elif character in " \t" or character in also:
                self.position += 1
            else:
                return True
        return False

    def accept(self, expected: str) -> bool:
        """Step over a piece of text if it stands here."""
        found = self.text.startswith(expected, self.position)
        if found:
            self.position += len(expected)
        return found

    def line(self) -> int:
        return bisect_right(self.starts, self.position)
