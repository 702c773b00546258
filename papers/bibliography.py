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
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from papers import bibtex
from papers.bibtex import KEY, MONTHS, Entry, Name
from papers.errors import UserError
from papers.files import read_text

__all__ = [
    "CITATION",
    "STYLES",
    "Bibliography",
    "Citation",
    "Entry",
    "Name",
    "blank_code",
    "citations",
    "csl",
    "default_path",
    "find_citations",
    "format_entry",
    "load",
    "parse_citation",
    "project_root",
]

STYLES = ("text", "markdown", "html", "bibtex", "csl-json", "key")

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

_CITED_WORK = re.compile(rf"@(?P<key>{KEY})(?:,\s*(?P<locator>\S.*))?")
CITATION = re.compile(r"(?<!\\)\[(?P<inside>@[^\[\]]*)\](?!\()")


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
    entries, problems = bibtex.read(read_text(path), path)
    if problems:
        raise UserError(*problems)
    return Bibliography(path, MappingProxyType({entry.key: entry for entry in entries}))


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
    if date and month in MONTHS.values():
        date.append(list(MONTHS.values()).index(month) + 1)
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
        for match in re.finditer(rf"(?<![\w)\]])\[(?P<key>{KEY})(?:,\s*(?P<locator>[^\[\]]+))?\]", line):
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
            for key in re.findall(rf"""["']({KEY})["']""", field[2]):
                yield Citation(key, "", path.relative_to(root), number, "data", field[1])
        for match in CITATION.finditer(line):
            for key, locator in parse_citation(match["inside"]) or ():
                yield Citation(key, locator, path.relative_to(root), number, "data", context)
