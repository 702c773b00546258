"""The works this project refers to: read `references.bib`, find an entry, format it, see who cites it.

    >>> works = load()
    >>> works.find("lecun1998gradient").title
    'Gradient-Based Learning Applied to Document Recognition'
    >>> works.label("lecun1998gradient")
    'LeCun et al., 1998'

Reading is strict: everything wrong with the file is reported at once, each problem with its line. LaTeX is decoded only
where it is looked at, so that loading stays quick.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from papers.errors import Problem, UserError
from papers.files import read_text

STYLES = ("text", "markdown", "html", "bibtex", "csl-json", "key")

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

_CSL_TYPES = {
    "article": "article-journal",
    "book": "book",
    "inbook": "chapter",
    "incollection": "chapter",
    "inproceedings": "paper-conference",
    "proceedings": "book",
    "mastersthesis": "thesis",
    "phdthesis": "thesis",
    "techreport": "report",
    "unpublished": "manuscript",
}

_MONTHS = {
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

_ACCENTS = {
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    '"': "\u0308",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    "b": "\u0331",
    "c": "\u0327",
    "d": "\u0323",
    "H": "\u030b",
    "k": "\u0328",
    "r": "\u030a",
    "u": "\u0306",
    "v": "\u030c",
}
_ACCENT = re.compile(
    r"""\\(?: (?P<mark>['`^"~=.]) | (?P<command>[bcdHkruv])(?![A-Za-z]) )
    (?: \s*\{(?P<braced>\\?[^\W\d_])\} | (?<=['`^"~=.])(?P<letter>\\?[^\W\d_]) | \s+(?P<spaced>\\?[^\W\d_]) )""",
    re.VERBOSE,
)
_SYMBOLS = {
    "AA": "Å",
    "AE": "Æ",
    "L": "Ł",
    "O": "Ø",
    "OE": "Œ",
    "aa": "å",
    "ae": "æ",
    "l": "ł",
    "o": "ø",
    "oe": "œ",
    "DH": "Ð",
    "TH": "Þ",
    "dh": "ð",
    "th": "þ",
    "dj": "đ",
    "i": "ı",
    "j": "ȷ",
    "ss": "ß",
    "S": "§",
    "P": "¶",
    "LaTeX": "LaTeX",
    "TeX": "TeX",
    "copyright": "©",
    "dots": "…",
    "ldots": "…",
    "pounds": "£",
    "textemdash": "—",
    "textendash": "–",
    "textperiodcentered": "·",
    "textregistered": "®",
    "texttrademark": "™",
}
_WRAPPERS = frozenset({"emph", "mbox", "text", "textbf", "textit", "textrm", "textsc", "textsf", "texttt", "url"})

_KEY = r"[^\W_][\w:.+/-]*"
_CITED_WORK = re.compile(rf"@(?P<key>{_KEY})(?:,\s*(?P<locator>\S.*))?")
CITATION = re.compile(r"(?<!\\)\[(?P<inside>@[^\[\]]*)\](?!\()")


# ------------------------------------------------------------------------------------------------------- one entry


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
    return _split_outside_braces(r"\s+and(?=\s)", f" {value} ") if value.strip() else []


def _name(person: str) -> Name:
    """Read `Given particle Family`, `particle Family, Given` or `particle Family, Suffix, Given`."""
    parts = _split_outside_braces(",", person)
    words = _split_outside_braces(r"[\s~]+", parts[0])
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


def _split_outside_braces(separator: str, text: str) -> list[str]:
    parts, start, depth = [], 0, 0
    for match in re.finditer(rf"[{{}}]|{separator}", text):
        if match[0] in "{}":
            depth += 1 if match[0] == "{" else -1
        elif depth == 0:
            parts.append(text[start : match.start()].strip())
            start = match.end()
    return [*parts, text[start:].strip()]


def decode_latex(value: str) -> str:
    r"""Turn a field's LaTeX into plain text: `L{\'e}on` into `Léon`; mathematics between dollars stays.

    A command that is not known stays as it is; `load` reports it.
    """
    pieces = re.split(r"((?<!\\)\$[^$]*\$)", value)
    pieces[::2] = [_decode_prose(piece) for piece in pieces[::2]]
    return " ".join("".join(pieces).split())


def _decode_prose(text: str) -> str:
    if "\\" in text:
        text = _ACCENT.sub(_accented, text)
        text = re.sub(r"\\href\s*\{[^{}]*\}", "", text)
        text = re.sub(r"\\([A-Za-z]+)(?:\s*\{\}|\s+)?", _symbol, text)
    text = re.sub(r"(?<!\\)[{}]", "", text)
    text = text.replace("---", "—").replace("--", "–").replace("~", " ")
    return re.sub(r"\\([&%_#${} ,@])", lambda match: match[1].replace(",", " "), text)


def _unknown_command(value: str) -> str:
    """The first LaTeX command outside mathematics that `decode_latex` would leave as it is; empty if there is none."""
    known = _WRAPPERS | _SYMBOLS.keys() | _ACCENTS.keys() | {"href"}
    prose = re.sub(r"(?<!\\)\$[^$]*\$", "", value)
    return next((name[0] for name in re.finditer(r"\\([A-Za-z]+)", prose) if name[1] not in known), "")


def _accented(match: re.Match[str]) -> str:
    letter = (match["letter"] or match["braced"] or match["spaced"]).lstrip("\\")
    return unicodedata.normalize("NFC", letter + _ACCENTS[match["mark"] or match["command"]])


def _symbol(match: re.Match[str]) -> str:
    return "" if match[1] in _WRAPPERS else _SYMBOLS.get(match[1], match[0])


# ------------------------------------------------------------------------------------------------- the whole list


@dataclass(frozen=True)
class Bibliography:
    """All entries of one file, by key, in the order of the file.

    Attributes:
        path: The file.
        entries: Key to entry.
    """

    path: Path
    entries: Mapping[str, Entry]

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries in the order of the file."""
        return iter(self.entries.values())

    def __len__(self) -> int:
        """The number of entries."""
        return len(self.entries)

    def __contains__(self, key: object) -> bool:
        """Whether there is an entry with this key."""
        return key in self.entries

    def find(self, key: str) -> Entry:
        """Look an entry up.

        Raises:
            UserError: There is none; names the closest keys.
        """
        if key in self.entries:
            return self.entries[key]
        suggestion = self.suggest(key)
        raise UserError(f"No entry {key!r} in {self.path.name}{suggestion}{'?' if suggestion else '.'}")

    def suggest(self, key: str) -> str:
        """`; did you mean 'a' or 'b'`, or nothing if no key is close."""
        from difflib import SequenceMatcher

        def closeness(known: str) -> float:
            # `lecun98` is close to the beginning of `lecun1998gradient`, hardly to all of it.
            wanted, whole = key.lower(), known.lower()
            return max(SequenceMatcher(None, wanted, part).ratio() for part in (whole, whole[: len(wanted) + 2]))

        close = sorted((known for known in self.entries if closeness(known) >= 0.7), key=closeness, reverse=True)
        return f"; did you mean {' or '.join(map(repr, close[:3]))}" if close else ""

    def label(self, key: str) -> str:
        """The citation of an entry without brackets, `He et al., 2016a`."""
        entry = self.find(key)
        return f"{entry.short_authors}, {entry.year}{self.year_suffix(key)}"

    def year_suffix(self, key: str) -> str:
        """The letter that tells works of the same authors and year apart, or nothing."""
        return self._suffixes.get(key, "")

    @cached_property
    def _suffixes(self) -> Mapping[str, str]:
        alike: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in self:
            alike[entry.short_authors, entry.year].append(entry)
        return {
            entry.key: letter
            for entries in alike.values()
            if len(entries) > 1
            for letter, entry in zip(
                "abcdefghijklmnopqrstuvwxyz", sorted(entries, key=lambda e: e.title.lower()), strict=False
            )
        }

    def sorted(self) -> tuple[Entry, ...]:
        """The entries as a reference list orders them: by author, year and title."""

        def order(entry: Entry) -> tuple[str, str, str]:
            names = " ".join(f"{name.family} {name.given}" for name in entry.authors or entry.editors)
            return (names or entry.title).lower(), entry.year, entry.title.lower()

        return tuple(sorted(self, key=order))

    def cited_by(self, key: str, root: Path | None = None) -> tuple[Citation, ...]:
        """Every place in the project that cites an entry: pages, data and code.

        Raises:
            UserError: There is no such entry.
        """
        self.find(key)
        return tuple(citation for citation in citations(root, self) if citation.key == key)


def project_root() -> Path:
    """The directory that holds `papers/`: the checkout, or site-packages of an installed wheel."""
    import papers

    return Path(str(papers.__file__)).resolve().parent.parent


def default_path() -> Path:
    """Where `references.bib` lies: in an installed wheel beside the package, else at the root of the checkout."""
    root = project_root()
    installed = root / "papers" / "_data" / "references.bib"
    return installed if installed.exists() else root / "references.bib"


def load(path: Path | None = None) -> Bibliography:
    """Read a BibTeX file, strictly.

    Args:
        path: The file; the project's own `references.bib` if left out.

    Raises:
        UserError: The file cannot be read, or something in it is wrong; tells every problem with its line.
    """
    path = path or default_path()
    try:
        state = path.stat()
    except OSError:
        return _load(path, 0, 0)  # which says why it cannot be read
    return _load(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _load(path: Path, _modified: int, _size: int) -> Bibliography:
    """Read a file once, and again when it has changed."""
    reader = _Reader(read_text(path), path)
    reader.read()
    if reader.problems:
        raise UserError(*sorted(reader.problems, key=lambda problem: problem.line or 0))
    return Bibliography(path, MappingProxyType({entry.key: entry for entry in reader.entries}))


# --------------------------------------------------------------------------------------------------------- parsing


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
        self.macros: dict[str, str] = dict(_MONTHS)
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
        elif not re.fullmatch(_KEY, key):
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
            if field not in _VERBATIM and (unknown := _unknown_command(value)):
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


# ------------------------------------------------------------------------------------------------------ formatting


def format_entry(entry: Entry, style: str = "text", year_suffix: str = "") -> str:
    """Write an entry out.

    Args:
        entry: The work.
        style: `text` (author and year, in the manner of the APA), the same as `markdown` or `html`; `bibtex`;
            `csl-json` (one object); `key` (`[@key]`).
        year_suffix: A letter that tells works of the same authors and year apart.

    Raises:
        UserError: There is no such style.
    """
    if style == "text":
        return _reference(entry, year_suffix, plain=str, italic=str, link=str)
    if style == "markdown":
        return _reference(
            entry, year_suffix, _escape_markdown, lambda s: f"*{_escape_markdown(s)}*", lambda s: f"<{s}>"
        )
    if style == "html":

        def anchor(url: str) -> str:
            return f'<a href="{html.escape(url)}">{html.escape(url)}</a>'

        return _reference(entry, year_suffix, html.escape, lambda s: f"<em>{html.escape(s)}</em>", anchor)
    if style == "bibtex":
        return _bibtex(entry)
    if style == "csl-json":
        import json

        return json.dumps(csl(entry), ensure_ascii=False, indent=1)
    if style == "key":
        return f"[@{entry.key}]"
    raise UserError(f"No citation style {style!r}; there are {', '.join(STYLES)}.")


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>$@])", r"\\\1", text)


def _reference(
    entry: Entry,
    year_suffix: str,
    plain: Callable[[str], str],
    italic: Callable[[str], str],
    link: Callable[[str], str],
) -> str:
    """Authors (year). Title. Where. Address. Each piece goes through the function for its kind."""
    authors = _author_list(entry.authors or entry.editors, entry.and_others)
    if not entry.authors and entry.editors:
        authors += " (Eds.)" if len(entry.editors) > 1 else " (Ed.)"
    year = f"({entry.year}{year_suffix})"
    stands_alone = entry.type not in ("article", "inproceedings", "incollection", "inbook")
    title = (italic if stands_alone else plain)(entry.title)
    closing = "" if entry.title.endswith(("?", "!", ".")) else "."
    pieces = [plain(f"{authors} {year}."), title + closing] if authors else [title, plain(f"{year}.")]
    pieces += _source(entry, plain, italic)
    if entry.link:
        pieces.append(link(entry.link))
    return " ".join(piece for piece in pieces if piece)


def _source(entry: Entry, plain: Callable[[str], str], italic: Callable[[str], str]) -> list[str]:
    """Where the work appeared, as sentences."""
    volume, number, pages = entry.text("volume"), entry.text("number"), entry.text("pages")
    if entry.type == "article":
        issue = f"({number})" if number else ""
        tail = f", {pages}" if pages else ""
        numbered = f", {italic(volume)}" if volume else ""
        return [italic(entry.text("journal")) + numbered + plain(issue + tail) + "."]
    sentences = []
    if entry.type in ("inproceedings", "incollection", "inbook") and "booktitle" in entry.fields:
        editors = _editor_list(entry.editors)
        details = ", ".join(
            part for part in (f"Vol. {volume}" if volume else "", f"pp. {pages}" if pages else "") if part
        )
        tail = plain(f" ({details})") if details else ""
        sentences.append(plain(f"In {editors}") + italic(entry.text("booktitle")) + tail + ".")
    for field in ("publisher", "institution", "school", "howpublished", "note"):
        if field in entry.fields:
            sentences.append(plain(entry.text(field).rstrip(".") + "."))
    if "eprint" in entry.fields and "booktitle" not in entry.fields:
        sentences.append(plain(f"arXiv:{entry.text('eprint')}."))
    return sentences


def _author_list(names: Sequence[Name], and_others: bool) -> str:
    """`LeCun, Y., & Bengio, Y.`; of more than twenty, the first nineteen and the last."""
    written = [", ".join(part for part in (n.surname, n.initials, n.suffix) if part) for n in names]
    if and_others:
        return ", ".join(written) + ", et al."
    if len(written) > 20:
        return ", ".join(written[:19]) + ", … " + written[-1]
    if len(written) > 1:
        return ", ".join(written[:-1]) + ", & " + written[-1]
    return "".join(written)


def _editor_list(names: Sequence[Name]) -> str:
    written = [" ".join(part for part in (n.initials, n.surname) if part) for n in names]
    if not written:
        return ""
    listed = (
        ", ".join(written[:-1]) + (" & " if len(written) == 2 else ", & ") + written[-1] if written[1:] else written[0]
    )
    return f"{listed} ({'Eds.' if written[1:] else 'Ed.'}), "


def _bibtex(entry: Entry) -> str:
    fields = {name: value for name, value in entry.fields.items() if name != "unverified"}
    width = max(map(len, fields), default=0)
    lines = [f"  {name:<{width}} = {{{value}}}," for name, value in fields.items()]
    caution = [f"% not checked against a source: {', '.join(entry.unverified)}"] if entry.unverified else []
    return "\n".join([*caution, f"@{entry.type}{{{entry.key},", *lines, "}"])


def csl(entry: Entry) -> dict[str, Any]:
    """The entry as a CSL-JSON object, as citation processors read it."""

    def people(names: Iterable[Name]) -> list[dict[str, str]]:
        listed = []
        for name in names:
            if not name.given:
                listed.append({"literal": name.surname})
                continue
            parts = {"family": name.family, "given": name.given}
            parts |= {"non-dropping-particle": name.particle} if name.particle else {}
            parts |= {"suffix": name.suffix} if name.suffix else {}
            listed.append(parts)
        return listed

    kind = _CSL_TYPES.get(entry.type, "document")
    if kind == "document" and "eprint" in entry.fields:
        kind = "article"
    date = [int(entry.year)] if entry.year.isdigit() else []
    month = entry.text("month")
    if date and month in _MONTHS.values():
        date.append(list(_MONTHS.values()).index(month) + 1)
    values: dict[str, Any] = {
        "id": entry.key,
        "type": kind,
        "title": entry.title,
        "author": people(entry.authors),
        "editor": people(entry.editors),
        "issued": {"date-parts": [date]} if date else None,
        "container-title": entry.text("journal") or entry.text("booktitle"),
        "collection-title": entry.text("series"),
        "volume": entry.text("volume"),
        "issue": entry.text("number"),
        "page": entry.text("pages").replace("–", "-"),
        "publisher": entry.text("publisher") or entry.text("institution") or entry.text("school"),
        "publisher-place": entry.text("address"),
        "DOI": entry.text("doi"),
        "ISBN": entry.text("isbn"),
        "URL": entry.link,
        "note": entry.text("note") or entry.text("howpublished"),
    }
    return {name: value for name, value in values.items() if value}


# ------------------------------------------------------------------------------------------------------- citations


@dataclass(frozen=True)
class Citation:
    """One place that cites one work.

    Attributes:
        key: The work's key.
        locator: What of it is cited, `Sec. III-B`; empty for the whole.
        path: The file, relative to the project's root.
        line: The line, counted from 1.
        kind: `page`, `data` (paper.toml) or `code`.
        context: In data, the id of the claim, departure or question, or the name of the field; else empty.
    """

    key: str
    locator: str
    path: Path
    line: int
    kind: str
    context: str = ""


def parse_citation(inside: str) -> list[tuple[str, str]] | None:
    """Read what stands between the brackets of `[@key, Sec. 2; @other]` as (key, locator) pairs; None if malformed."""
    works = [_CITED_WORK.fullmatch(" ".join(part.split())) for part in inside.split(";")]
    if not all(works):
        return None
    return [(work["key"], (work["locator"] or "").strip()) for work in works if work]


def find_citations(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, what stands between the brackets) of each citation in Markdown, outside code and escapes."""
    prose = blank_code(text)
    for match in CITATION.finditer(prose):
        yield prose.count("\n", 0, match.start()) + 1, match["inside"]


def blank_code(text: str) -> str:
    """Replace fenced code and code spans by blanks, so that positions stay."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0])

    text = re.sub(r"^[ ]*(```+|~~~+)[^\n]*\n.*?(?:^[ ]*\1[ ]*$|\Z)", blank, text, flags=re.M | re.S)
    return re.sub(r"(?<!`)(`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)\1(?!`)", blank, text, flags=re.S)


def citations(root: Path | None = None, known: Iterable[str] | Bibliography = ()) -> list[Citation]:
    """Every citation in the project, in order of file and line.

    Args:
        root: The directory that holds `papers/`, `implementations/` and `docs/`.
        known: Keys; in code, `[key, Sec. 2]` without the `@` counts as well if the key is one of these.
    """
    root = root or project_root()
    keys = frozenset(known.entries if isinstance(known, Bibliography) else known)
    found: list[Citation] = []
    # docs/ belongs to the project in a checkout only; beside an installed package it would be somebody else's.
    pages = sorted(root.glob("docs/**/*.md")) if (root / "references.bib").exists() else []
    for path in [*pages, *sorted(root.glob("papers/*/summary.md"))]:
        found += _in_text(path, root, "page")
    for path in sorted(root.glob("papers/*/paper.toml")):
        found += _in_data(path, root)
    for path in sorted(root.glob("implementations/**/*.py")):
        found += _in_text(path, root, "code")
        found += _plain_in_code(path, root, keys)
    return sorted(found, key=lambda citation: (citation.path.as_posix(), citation.line))


def _in_text(path: Path, root: Path, kind: str) -> Iterator[Citation]:
    text = read_text(path)
    if "[@" not in text:
        return
    for line, inside in find_citations(text):
        for key, locator in parse_citation(inside) or ():
            yield Citation(key, locator, path.relative_to(root), line, kind)


def _plain_in_code(path: Path, root: Path, keys: frozenset[str]) -> Iterator[Citation]:
    """`[key, Sec. 2]` in a comment or docstring."""
    if not keys:
        return
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        for match in re.finditer(rf"(?<![\w)\]])\[(?P<key>{_KEY})(?:,\s*(?P<locator>[^\[\]]+))?\]", line):
            if match["key"] in keys:
                yield Citation(match["key"], match["locator"] or "", path.relative_to(root), number, "code")


def _in_data(path: Path, root: Path) -> Iterator[Citation]:
    """Citations in the texts of a paper.toml, and the keys named by its `key` and `builds_on`."""
    context, table = "", ""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        header = re.match(r"\s*\[+([\w.]+)\]+\s*(?:#.*)?$", line)
        name = re.match(r"""\s*(?:id|name)\s*=\s*["']([^"']+)["']""", line)
        if header:
            table, context = header[1], header[1]
        elif name and table:
            context = f"{table} {name[1]}"
        field = re.match(r"\s*(key|builds_on)\s*=(.*)", line)
        if field and not table:
            for key in re.findall(rf"""["']({_KEY})["']""", field[2]):
                yield Citation(key, "", path.relative_to(root), number, "data", field[1])
        for match in CITATION.finditer(line):
            for key, locator in parse_citation(match["inside"]) or ():
                yield Citation(key, locator, path.relative_to(root), number, "data", context)
