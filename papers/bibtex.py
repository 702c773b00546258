"""Reads BibTeX, strictly: what BibTeX programs let pass in silence is a problem here, with its line."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from papers.errors import Problem
from papers.latex import decode_latex, split_outside_braces, unknown_command

KEY = r"[^\W_][\w:.+/-]*"
"""What a citation key looks like."""

_REQUIRED = {
    "article": ("author", "title", "journal", "year"),
    "book": ("author/editor", "title", "publisher", "year"),
    "inbook": ("author/editor", "title", "publisher", "year"),
    "incollection": ("author", "title", "booktitle", "publisher", "year"),
    "inproceedings": ("author", "title", "booktitle", "year"),
    "proceedings": ("title", "year"),
    "mastersthesis": ("author", "title", "school", "year"),
    "phdthesis": ("author", "title", "school", "year"),
    "techreport": ("author", "title", "institution", "year"),
    "manual": ("title", "year"),
    "misc": ("title", "year"),
    "unpublished": ("author", "title", "note"),
}

MONTHS = {
    "jan": "January",
    "feb": "February",
    "mar": "March",
    "apr": "April",
    "may": "May",
    "jun": "June",
    "jul": "July",
    "aug": "August",
    "sep": "September",
    "oct": "October",
    "nov": "November",
    "dec": "December",
}

# These hold addresses and identifiers, in which a backslash or a tilde means itself.
_VERBATIM = frozenset({"url", "doi", "eprint", "isbn", "unverified"})


@dataclass(frozen=True)
class Name:
    """One person, or an organisation, which has a family name only.

    Attributes:
        given: Given names, `Geoffrey E.`.
        particle: What stands before the family name and is not sorted by, `van den`.
        family: Family name, or the whole name of an organisation.
        suffix: `Jr.`.
    """

    given: str
    particle: str
    family: str
    suffix: str = ""

    @property
    def surname(self) -> str:
        """The name as it stands in a citation: `van den Oord`."""
        return " ".join(part for part in (self.particle, self.family) if part)

    @property
    def initials(self) -> str:
        """`Jean-Luc Picard` has the initials `J.-L.`."""
        words = (word.split("-") for word in self.given.split())
        return " ".join("-".join(f"{part[0]}." for part in word if part) for word in words)


@dataclass(frozen=True)
class Entry:
    """One work of the bibliography.

    Attributes:
        key: The citation key.
        type: The entry's type in lower case, `article`.
        fields: Field name in lower case to value, macros and `#` resolved, LaTeX as written.
        path: The file it stands in.
        line: The line it starts on, counted from 1.
        lines: Field name to the line it stands on.
    """

    key: str
    type: str
    fields: Mapping[str, str]
    path: Path
    line: int
    lines: Mapping[str, int]

    def text(self, field: str) -> str:
        """The field's value as a person reads it; empty if there is none."""
        value = self.fields.get(field, "")
        return value if field in _VERBATIM else decode_latex(value)

    @cached_property
    def authors(self) -> tuple[Name, ...]:
        """The authors, without a closing `and others`."""
        return _names(self.fields.get("author", ""))

    @cached_property
    def editors(self) -> tuple[Name, ...]:
        """The editors, without a closing `and others`."""
        return _names(self.fields.get("editor", ""))

    @property
    def and_others(self) -> bool:
        """Whether the list of authors is cut short with `and others`."""
        return bool(re.search(r"\band\s+others\s*$", self.fields.get("author", "")))

    @property
    def title(self) -> str:
        """The title as a person reads it."""
        return self.text("title")

    @property
    def year(self) -> str:
        """The year of publication."""
        return self.text("year")

    @property
    def venue(self) -> str:
        """Where it appeared: journal, proceedings, publisher or archive."""
        for field in ("journal", "booktitle", "publisher", "institution", "school", "howpublished"):
            if field in self.fields:
                return self.text(field)
        return f"arXiv:{self.text('eprint')}" if "eprint" in self.fields else ""

    @property
    def link(self) -> str:
        """The best address of the work: its DOI, else its URL, else arXiv; empty if it has none."""
        if "doi" in self.fields and "doi" not in self.unverified:
            return f"https://doi.org/{self.text('doi')}"
        if "url" in self.fields:
            return self.text("url")
        return f"https://arxiv.org/abs/{self.text('eprint')}" if "eprint" in self.fields else ""

    @cached_property
    def unverified(self) -> tuple[str, ...]:
        """The fields that nobody has yet checked against a source."""
        return tuple(part.strip() for part in self.fields.get("unverified", "").split(",") if part.strip())

    @property
    def short_authors(self) -> str:
        """`LeCun et al.`, as in a citation; the title where nobody signed the work."""
        names = self.authors or self.editors
        if not names:
            return self.title
        if len(names) > 2 or self.and_others:
            return f"{names[0].surname} et al."
        return " & ".join(name.surname for name in names)


def _names(value: str) -> tuple[Name, ...]:
    return tuple(_name(person) for person in _people(value) if person not in ("", "others"))


def _people(value: str) -> list[str]:
    """Split at each `and` that stands outside braces; an empty part means a doubled `and`."""
    return split_outside_braces(r"\s+and(?=\s)", f" {value} ") if value.strip() else []


def _name(person: str) -> Name:
    """Read `Given particle Family`, `particle Family, Given` or `particle Family, Suffix, Given`."""
    parts = split_outside_braces(",", person)
    words = split_outside_braces(r"[\s~]+", parts[0])
    particles = [number for number, word in enumerate(words[:-1]) if _is_particle(word)]
    after = particles[-1] + 1 if particles else None
    if len(parts) > 1:
        before, family, suffix = 0, after or 0, parts[1] if len(parts) > 2 else ""
        given = parts[-1]
    else:
        before = particles[0] if particles else len(words) - 1
        family, suffix, given = after or before, "", " ".join(words[:before])
    texts = (given, " ".join(words[before:family]), " ".join(words[family:]), suffix)
    return Name(*(decode_latex(text) for text in texts))


def _is_particle(word: str) -> bool:
    """`van` and `d'` are particles, since they begin with a small letter; `{van}` is not, since it is braced."""
    return not re.match(r"\{[^\\]", word) and decode_latex(word)[:1].islower()


def read(text: str, path: Path) -> tuple[list[Entry], list[Problem]]:
    """Read a BibTeX file.

    Args:
        text: What stands in it.
        path: Where it lies, for the messages.

    Returns:
        The entries in the order of the file, and everything that is wrong with it, by line.
    """
    reader = _Reader(text, path)
    reader.read()
    return reader.entries, sorted(reader.problems, key=lambda problem: problem.line or 0)


class _UnreadableError(Exception):
    """The rest of a block makes no sense; the problem has been noted."""


class _Reader:
    """Reads a file block by block and notes every problem; later blocks may use the macros of earlier ones.

    BibTeX programs are lenient: they take a forgotten comma into the value, ignore a mistyped entry as a comment and
    keep an undefined macro as text. Here each of these is a problem.
    """

    def __init__(self, text: str, path: Path) -> None:
        self.text = text
        self.path = path
        self.newlines = [match.start() for match in re.finditer("\n", text)]
        self.entries: list[Entry] = []
        self.problems: list[Problem] = []
        self.macros: dict[str, str] = dict(MONTHS)
        self.keys: dict[str, tuple[str, int]] = {}

    def line(self, position: int) -> int:
        return bisect(self.newlines, position - 1) + 1

    def problem(self, message: str, position: int) -> None:
        self.problems.append(Problem(message, self.path, self.line(position)))

    def give_up(self, message: str, position: int) -> NoReturn:
        self.problem(message, position)
        raise _UnreadableError

    def skip_space(self, position: int) -> int:
        match = re.compile(r"\s*").match(self.text, position)
        return match.end() if match else position

    # ------------------------------------------------------------------------------------------------------ blocks

    def read(self) -> None:
        """Read the whole file."""
        position = self.skip_space(0)
        while position < len(self.text):
            block = re.compile(r"@(\w+)\s*([{(])").match(self.text, position)
            position = self.skip_space(self.read_block(block) if block else self.read_outside(position))

    def read_outside(self, position: int) -> int:
        """Pass over one line between the entries, where only comments may stand; return where it ends."""
        end = (self.text.find("\n", position) + 1) or len(self.text)
        line = self.text[position:end]
        word = re.match(r"@\s*(\w*)", line)
        if line.startswith("%"):
            if re.search(r"@\w+\s*[{(]", line):
                self.problem("BibTeX still reads an entry after %; delete it, or wrap it in @comment{...}.", position)
        elif word:
            self.problem(f"Stray @{word[1]}: an entry is written @{word[1] or 'type'}{{key, ...}}.", position)
        else:
            self.problem(
                "Text outside an entry; a comment starts with %, or a brace above is closed too early.", position
            )
        return end

    def read_block(self, head: re.Match[str]) -> int:
        """Read one `@word{...}`; return where the next one may start."""
        kind, start, end = head[1].lower(), head.end(), self.find_end(head)
        if end is None:
            following = re.compile(r"^@\w+\s*[{(]", re.MULTILINE).search(self.text, start)
            name = re.compile(r"\s*([^\s,={}]*)").match(self.text, start)
            self.problem(f"@{head[1]} {name[1] if name else ''!r} is never closed; a brace is missing.", head.start())
            return following.start() if following else len(self.text)
        try:
            if kind == "string":
                self.read_macro(start, end)
            elif kind not in ("comment", "preamble"):
                self.read_entry(kind, start, end, head.start())
        except _UnreadableError:
            pass
        return end + 1

    def find_end(self, head: re.Match[str]) -> int | None:
        """The closing bracket of a block; None if the next entry begins before it."""
        depth = 0
        for match in re.compile(r"[{}]|\)|^@\w+\s*[{(]", re.MULTILINE).finditer(self.text, head.end()):
            if match[0].startswith("@"):
                return None
            if depth == 0 and match[0] == {"{": "}", "(": ")"}[head[2]]:
                return match.start()
            depth += {"{": 1, "}": -1}.get(match[0], 0)
        return None

    def read_macro(self, start: int, end: int) -> None:
        name = re.compile(r"\s*([A-Za-z][\w:.+/-]*)\s*=").match(self.text, start)
        if not name:
            self.give_up("A macro is written @string{name = {value}}.", start)
        if name[1].lower() in self.macros:
            self.problem(f"The macro {name[1]!r} is defined twice.", start)
        value, after = self.read_value(f"@string {name[1]!r}", name.end(), end)
        self.macros[name[1].lower()] = value
        if after < end:
            self.problem(f"Text after the value of @string {name[1]!r}.", after)

    def read_entry(self, kind: str, start: int, end: int, at: int) -> None:
        if kind not in _REQUIRED:
            self.problem(f"Unknown entry type @{kind}; known are {', '.join(sorted(_REQUIRED))}.", at)
        before_comma = re.compile(r"\s*([^,=]*)").match(self.text, start, end)
        key = before_comma[1].strip() if before_comma else ""
        position = before_comma.end() if before_comma else start
        if self.text[position:end].startswith("="):
            words = key.split()
            if len(words) > 1:
                self.give_up(f"A comma is missing after the key {words[0]!r}.", at)
            self.give_up("An entry without a key; write @type{key, ...}.", at)
        self.check_key(key, at)
        fields, lines = self.read_fields(key, position, end)
        entry = Entry(key, kind, MappingProxyType(fields), self.path, self.line(at), MappingProxyType(lines))
        self.check_entry(entry)
        self.entries.append(entry)

    def read_fields(self, key: str, position: int, end: int) -> tuple[dict[str, str], dict[str, int]]:
        """Read `, name = value, ...` up to the end of the entry."""
        fields: dict[str, str] = {}
        lines: dict[str, int] = {}
        while (position := self.skip_space(position)) < end:
            comma = re.compile(r",\s*").match(self.text, position)
            position = min(comma.end(), end) if comma else position
            if position >= end:
                break
            name = re.compile(r"([A-Za-z][\w:.+/-]*)\s*=").match(self.text, position, end)
            if not name:
                doubled = self.text[position] == ","
                rest = self.text[position:end].split("\n")[0][:30]
                self.give_up(
                    f"{key!r} has two commas in a row." if doubled else f"{key!r} has no name = value at {rest!r}.",
                    position,
                )
            if not comma:
                self.problem(f"A comma is missing before {name[1]!r} of {key!r}.", position)
            field, at = name[1].lower(), position
            value, position = self.read_value(f"{field} of {key!r}", name.end(), end)
            if field in fields:
                self.problem(f"{key!r} has the field {field} twice (first in line {lines[field]}).", at)
                continue
            fields[field], lines[field] = value, self.line(at)
        return fields, lines

    def read_value(self, what: str, position: int, end: int) -> tuple[str, int]:
        """Read `{braced} # "quoted" # macro # 12` as one string; return it and where it ends."""
        parts = []
        while True:
            position = self.skip_space(position)
            piece = _piece(self.text, position, end)
            if not piece:
                self.give_up(f"Cannot read the value of {what}; write it in braces.", min(position, end - 1))
            if piece[0] in '{"':
                parts.append(piece[1:-1])
            elif piece.isdigit():
                parts.append(piece)
            elif piece.lower() in self.macros:
                parts.append(self.macros[piece.lower()])
            else:
                self.problem(f"{piece!r} in {what} is not a defined @string; write it in braces.", position)
                parts.append(piece)
            position = self.skip_space(position + len(piece))
            if position >= end or self.text[position] != "#":
                return "".join(parts), min(position, end)
            position += 1

    # ------------------------------------------------------------------------------------------------------ checks

    def check_key(self, key: str, at: int) -> None:
        if not key:
            self.problem("An entry without a key; write @type{key, ...}.", at)
            return
        if re.search(r"\s", key):
            self.problem(f"The key {key!r} contains a space.", at)
        elif not re.fullmatch(KEY, key):
            self.problem(f"The key {key!r} cannot be cited; use letters, digits and : . + / - only.", at)
        if key.lower() in self.keys:
            first, line = self.keys[key.lower()]
            as_well = "" if first == key else f", as {first!r}; keys must differ in more than case"
            self.problem(f"The key {key!r} is used twice (first in line {line}{as_well}).", at)
        self.keys.setdefault(key.lower(), (key, self.line(at)))

    def check_entry(self, entry: Entry) -> None:
        def problem(message: str, field: str = "") -> None:
            self.problems.append(Problem(message, self.path, entry.lines.get(field, entry.line)))

        missing = [
            required.replace("/", " or ")
            for required in _REQUIRED.get(entry.type, ())
            if not any(name in entry.fields for name in required.split("/"))
        ]
        if missing:
            problem(f"@{entry.type} {entry.key!r} lacks {', '.join(missing)}.")
        for field, value in entry.fields.items():
            if not value.strip():
                problem(f"The field {field} of {entry.key!r} is empty.", field)
            if field not in _VERBATIM and (unknown := unknown_command(value)):
                problem(f"{unknown} in {field} of {entry.key!r} is not known; write the character itself.", field)
        for field in ("author", "editor"):
            if "" in _people(entry.fields.get(field, "")):
                problem(f"A name is missing beside an 'and' in {field} of {entry.key!r}.", field)
        if "year" in entry.fields and not re.fullmatch(r"\d{4}", entry.year):
            problem(f"The year of {entry.key!r} is {entry.year!r}; write four digits.", "year")
        for name in entry.unverified:
            if name not in entry.fields:
                problem(f"{entry.key!r} marks {name} as unverified but has no such field.", "unverified")


def _piece(text: str, start: int, end: int) -> str:
    """The braced, quoted or bare piece of a value that begins at `start`; empty if there is none."""
    if text[start] not in '{"' or start >= end:
        bare = re.compile(r"[^\s#{}\",=]+").match(text, start, end)
        return bare[0] if bare else ""
    depth = 0
    for match in re.compile(r'[{}"]').finditer(text, start, end):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        closing = match[0] == ("}" if text[start] == "{" else '"')
        if depth == 0 and closing and match.start() > start:
            return text[start : match.end()]
    return ""
