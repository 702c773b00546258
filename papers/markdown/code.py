"""The code of a paper: each file with its line numbers, and which lines implement which section of the paper.

A comment or docstring that cites the paper with a place, `[@key, Sec. II-B]`, ties its line to that place.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, fromstring

from markdown.util import AtomicString

from papers.bibliography import CITATION, Citation, citations, format_entry, parse_citation
from papers.files import read_text
from papers.fingerprint import package_name
from papers.markdown.context import Context


def code(context: Context, slug: str) -> Iterator[Element]:
    """The list of sections, then the files: the model open, the others to be opened."""
    folder = context.root / "implementations" / package_name(slug)
    files = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
    if not files:
        yield _paragraph("There is no implementation yet.")
        return
    yield from _sections(context, slug, files)
    # The model is what people come for; it stands first.
    for path in sorted(files, key=lambda path: path.name != "model.py"):
        details = Element("details", {"class": "listing"} | ({"open": ""} if path.name == "model.py" else {}))
        summary = SubElement(details, "summary")
        SubElement(summary, "code").text = AtomicString(path.relative_to(context.root).as_posix())
        details.append(listing(context, path))
        yield details


def line_anchor(path: Path, line: int) -> str:
    """The id of a line in the listing of a file: `model.py-12`."""
    return f"{path.name}-{line}"


def _paragraph(text: str) -> Element:
    made = Element("p")
    made.text = AtomicString(text)
    return made


def _sections(context: Context, slug: str, files: list[Path]) -> Iterator[Element]:
    """Each place in the paper that the code cites, with links to the lines."""
    key = context.evidence(slug).paper.key
    shown = {path.relative_to(context.root) for path in files}
    places: dict[str, list[Citation]] = defaultdict(list)
    for citation in citations(context.root, context.works):
        if citation.key == key and citation.path in shown:
            for place in filter(None, (part.strip() for part in citation.locator.split(","))):
                places[re.sub(r"^App\.", "Appendix", place)].append(citation)
    if not places:
        return
    yield _paragraph("Where the code implements which part of the paper:")
    listed = Element("dl", {"class": "sections"})
    for place in sorted(places, key=_order):
        SubElement(listed, "dt").text = AtomicString(place)
        links = SubElement(listed, "dd")
        for citation in places[place]:
            link = SubElement(links, "a", {"href": f"#{line_anchor(citation.path, citation.line)}"})
            link.text = AtomicString(f"{citation.path.name}:{citation.line}")
            link.tail = AtomicString(" ")
    yield listed


def _order(place: str) -> tuple[int, list[tuple[int, str]]]:
    """Sections first, then what stands in them; `Eq. 9` before `Eq. 21`, `Sec. II` before `Sec. II-A`."""
    kind, _, rest = place.partition(" ")
    kinds = ["sec.", "section", "eq.", "table", "fig.", "appendix"]
    rank = kinds.index(kind.lower()) if kind.lower() in kinds else len(kinds)
    parts = re.findall(r"(\d+)|([^\W\d]+)", rest)
    return rank, [(int(digits) if digits else _roman(word), word) for digits, word in parts]


def _roman(word: str) -> int:
    """The value of a Roman numeral; 0 for any other word."""
    values = [{"I": 1, "V": 5, "X": 10}.get(letter, 0) for letter in word]
    if 0 in values:
        return 0
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))


def listing(context: Context, path: Path) -> Element:
    """One file, each line with a number that links to itself, its citations linked to the references."""
    frame = Element("div", {"class": "highlight code", "data-search-exclude": ""})
    pre = SubElement(frame, "pre")
    SubElement(pre, "span")  # without it, pymdownx.highlight takes this for source that is yet to be coloured
    body = SubElement(pre, "code")
    for number, line in enumerate(_highlighted(read_text(path)), start=1):
        anchor = line_anchor(path, number)
        row = SubElement(body, "span", {"id": anchor})
        # A number is for the mouse: thousands of stops would bar the way of whoever comes by keyboard.
        SubElement(row, "a", {"href": f"#{anchor}", "data-line": str(number), "tabindex": "-1", "aria-hidden": "true"})
        content = fromstring(f"<span>{_linked(line, context)}\n</span>")  # our own escaped text
        _make_atomic(content)
        row.append(content)
    return frame


def _highlighted(text: str) -> list[str]:
    """The lines of a Python file as HTML, coloured if Pygments is there."""
    try:
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer
    except ImportError:
        return escape(text.rstrip("\n"), quote=False).split("\n")
    coloured: str = highlight(text, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    # Names, punctuation and spaces have the colour of plain text; unmarked, a page is half as large.
    coloured = re.sub(r'<span class="(?:n|p|w)">([^<]*)</span>', r"\1", coloured)
    return coloured.rstrip("\n").split("\n")


def _linked(line: str, context: Context) -> str:
    """Link the citations in a line of HTML; what the bibliography does not know stays as it is."""

    def link(match: re.Match[str]) -> str:
        works = parse_citation(match["inside"]) or []
        if not works or any(key not in context.works for key, _ in works):
            return match[0]
        key = works[0][0]
        reference = escape(format_entry(context.works.find(key)))
        return f'<a href="{context.references}#ref-{key}" aria-description="{reference}">{match[0]}</a>'

    return CITATION.sub(link, line)


def _make_atomic(tree: Element) -> None:
    """Keep Markdown out of code."""
    for part in tree.iter():
        part.text = AtomicString(part.text) if part.text else None
        part.tail = AtomicString(part.tail) if part.tail else None
