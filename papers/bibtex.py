"""Reads BibTeX with bibtexparser, strictly: what it lets pass in silence is a problem here, with its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from papers.errors import Problem, UserError
from papers.latex import decode_latex, unknown_command

if TYPE_CHECKING:
    from bibtexparser import model

KEY = r"[^\W_][\w:.+/-]*"
"""What a citation key looks like."""

_NAME = r"[A-Za-z][\w:.+/-]*"  # of a field or a macro

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

_MONTHS = "January February March April May June July August September October November December"
MONTHS = {name[:3].lower(): name for name in _MONTHS.split()}

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
        return tuple(map(_name, _people(self.fields.get("author", ""))))

    @cached_property
    def editors(self) -> tuple[Name, ...]:
        """The editors, without a closing `and others`."""
        return tuple(map(_name, _people(self.fields.get("editor", ""))))

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
        people = _people(self.fields.get("author", "")) or _people(self.fields.get("editor", ""))
        if not people:
            return self.title
        if len(people) > 2 or self.and_others:
            return f"{_name(people[0]).surname} et al."
        return " & ".join(_name(person).surname for person in people)


def _people(value: str) -> list[str]:
    from bibtexparser.middlewares.names import split_multiple_persons_names

    return [person for person in split_multiple_persons_names(value) if person != "others"]


def _name(person: str) -> Name:
    from bibtexparser.middlewares.names import parse_single_name_into_parts

    parts = parse_single_name_into_parts(person, strict=False)
    return Name(*(decode_latex(" ".join(words)) for words in (parts.first, parts.von, parts.last, parts.jr)))


def read(text: str, path: Path) -> tuple[list[Entry], list[Problem]]:
    """Read a BibTeX file.

    Args:
        text: What stands in it.
        path: Where it lies, for the messages.

    Returns:
        The entries in the order of the file, and everything that is wrong with it, by line.
    """
    import logging  # imported here, as the parser is, for the sake of what starts without reading BibTeX

    from bibtexparser.entrypoint import parse_string

    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # what it only logs becomes a problem here
    reader = _Reader(text, path)
    reader.read(parse_string(text, parse_stack=[]).blocks)
    return reader.entries, sorted(reader.problems, key=lambda problem: problem.line or 0)


class _Reader:
    """Makes entries of the parser's blocks and notes every problem; later blocks may use the macros of earlier ones.

    The parser is lenient: it takes a forgotten comma into the value, ignores a mistyped entry as a comment and keeps
    an undefined macro as text. Here each of these is a problem.
    """

    def __init__(self, text: str, path: Path) -> None:
        self.text_lines = text.split("\n")
        self.path = path
        self.entries: list[Entry] = []
        self.problems: list[Problem] = []
        self.macros: dict[str, str] = dict(MONTHS)
        self.keys: dict[str, tuple[str, int]] = {}

    def problem(self, message: str, line: int) -> None:
        self.problems.append(Problem(message, self.path, line))

    def unreadable(self, message: str, line: int) -> UserError:
        """What is raised where the rest of a block makes no sense."""
        return UserError(Problem(message, self.path, line))

    # ------------------------------------------------------------------------------------------------------ blocks

    def read(self, blocks: Iterable[model.Block]) -> None:
        """Read the whole file."""
        from bibtexparser import model

        failed = False
        for block in blocks:
            if isinstance(block, model.ImplicitComment) and failed:
                continue  # the rest of the block that failed
            if isinstance(block, model.DuplicateBlockKeyBlock | model.DuplicateFieldKeyBlock):
                block = block.ignore_error_block or block  # found below, where case does not matter
            failed = isinstance(block, model.ParsingFailedBlock)
            try:
                if isinstance(block, model.ImplicitComment):
                    self.read_outside(block)
                elif self.text_lines[_line(block) - 1].lstrip().startswith("%"):
                    message = "BibTeX still reads an entry after %; delete it, or wrap it in @comment{...}."
                    self.problem(message, _line(block))
                elif isinstance(block, model.ParsingFailedBlock):
                    self.read_failed(block)
                elif isinstance(block, model.String):
                    self.read_macro(block)
                elif isinstance(block, model.Entry):
                    self.read_entry(block)
            except UserError as error:
                self.problems += error.problems

    def read_outside(self, block: model.ImplicitComment) -> None:
        """Look at the lines between the entries, where only comments may stand."""
        for number, line in enumerate(block.comment.split("\n"), start=_line(block)):
            word = re.match(r"\s*@\s*(\w*)", line)
            if word:
                self.problem(f"Stray @{word[1]}: an entry is written @{word[1] or 'type'}{{key, ...}}.", number)
            elif line.strip() and not line.lstrip().startswith("%"):
                message = "Text outside an entry; a comment starts with %, or a brace above is closed too early."
                self.problem(message, number)

    def read_failed(self, block: model.ParsingFailedBlock) -> None:
        """Say why the parser has given a block up."""
        raw, line = block.raw or "", _line(block)
        reason = str(getattr(block.error, "abort_reason", ""))
        head = re.match(r"@(\w*)\s*[{(]\s*([^\s,={}]*)([^,={}]*)", raw)
        kind, key, after_key = head.groups() if head else ("", "", "")
        quote = re.search(r'(\w+)\s*=\s*"[^"]*$', raw)
        if reason.startswith("Expected equals sign"):
            message = "A macro is written @string{name = {value}}."
        elif reason.startswith("Expected comma after entry key"):
            missing_comma = f"A comma is missing after the key {key!r}."
            message = missing_comma if after_key.strip() else "An entry without a key; write @type{key, ...}."
        elif reason.startswith("Expected a `=`"):
            found = re.findall("`(.)`", reason)[-1]
            rest = raw.rpartition(",")[2].lstrip()
            line += raw[: len(raw) - len(rest)].count("\n")
            rest = rest.removesuffix(found).strip() or found
            message = f"{key!r} has two commas in a row." if rest == "," else _no_field(key, rest)
        elif quote:
            message = f"Cannot read the value of {quote[1].lower()} of {key!r}; write it in braces."
            line += raw[: quote.start()].count("\n")
        else:
            message = f"@{kind} {key!r} is never closed; a brace is missing."
        self.problem(message, line)

    def read_macro(self, block: model.String) -> None:
        name, line = block.key.lower(), _line(block)
        if not re.fullmatch(_NAME, name):
            raise self.unreadable("A macro is written @string{name = {value}}.", line)
        if name in self.macros:
            self.problem(f"The macro {block.key!r} is defined twice.", line)
        self.macros[name] = self.read_value(name, "@string", block.value, line)

    def read_entry(self, block: model.Entry) -> None:
        kind, key, line = block.entry_type, block.key, _line(block)
        if kind not in _REQUIRED:
            self.problem(f"Unknown entry type @{kind}; known are {', '.join(sorted(_REQUIRED))}.", line)
        self.check_key(key, line)
        fields: dict[str, str] = {}
        lines: dict[str, int] = {}
        for field in block.fields:
            name, at = field.key.lower(), _line(field)
            if not re.fullmatch(_NAME, name):
                raise self.unreadable(_no_field(key, field.key or "="), at)
            value = self.read_value(name, repr(key), field.value, at)
            if name in fields:
                self.problem(f"{key!r} has the field {name} twice (first in line {lines[name]}).", at)
                continue
            fields[name], lines[name] = value, at
        entry = Entry(key, kind, MappingProxyType(fields), self.path, line, MappingProxyType(lines))
        self.check_entry(entry)
        self.entries.append(entry)

    def read_value(self, name: str, owner: str, text: str, line: int) -> str:
        """Read `{braced} # "quoted" # macro # 12` as one string."""
        value, rest = "", f"#{text}"
        while rest.startswith("#") and (piece := _piece(rest[1:].lstrip())):
            rest = rest[1:].lstrip().removeprefix(piece).lstrip()
            if piece[0] in '{"':
                value += piece[1:-1]
                continue
            if not piece.isdigit() and piece.lower() not in self.macros:
                self.problem(f"{piece!r} in {name} of {owner} is not a defined @string; write it in braces.", line)
            value += self.macros.get(piece.lower(), piece)
        if following := re.match(rf"({_NAME})\s*=", rest):
            line += text.removesuffix(rest).count("\n")
            raise self.unreadable(f"A comma is missing before {following[1]!r} of {owner}.", line)
        if rest:
            raise self.unreadable(f"Cannot read the value of {name} of {owner}; write it in braces.", line)
        return value

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
        self.keys.setdefault(key.lower(), (key, at))

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
            if " and and " in f" and {' '.join(entry.fields.get(field, '').split())} and ":
                problem(f"A name is missing beside an 'and' in {field} of {entry.key!r}.", field)
        if "year" in entry.fields and not re.fullmatch(r"\d{4}", entry.year):
            problem(f"The year of {entry.key!r} is {entry.year!r}; write four digits.", "year")
        for name in entry.unverified:
            if name not in entry.fields:
                problem(f"{entry.key!r} marks {name} as unverified but has no such field.", "unverified")


def _line(block: model.Block | model.Field) -> int:
    return (block.start_line or 0) + 1  # the parser counts from 0


def _no_field(key: str, text: str) -> str:
    return f"{key!r} has no name = value at {text.splitlines()[0][:30]!r}."


def _piece(text: str) -> str:
    """The braced, quoted or bare piece that a value begins with; empty if there is none."""
    if not text.startswith(("{", '"')):
        bare = re.match(r"[^\s#{}\",=]+", text)
        return bare[0] if bare else ""
    closing = "}" if text[0] == "{" else '"'
    depth = 0
    for match in re.finditer(r'[{}"]', text):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0 and match[0] == closing and match.end() > 1:
            return text[: match.end()]
    return ""
