"""Tables of what stands in a `paper.toml`: departures, open questions, symbols, versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from markdown.util import AtomicString

from papers.files import read_text
from papers.fingerprint import package_name
from papers.markdown.code import line_anchor
from papers.markdown.context import Context

Cell = str | Element | None
"""A text is Markdown, to be rendered later; an `AtomicString` and an element stay as they are."""


def element(tag: str, content: Cell | Iterable[Cell] = None, **attributes: str) -> Element:
    """Return an element; trailing underscores are dropped from the names of attributes, as in `class_`."""
    made = Element(tag, {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()})
    pieces = [content] if isinstance(content, str | Element | None) else list(content)
    for piece in pieces:
        if isinstance(piece, Element):
            made.append(piece)
        elif piece and len(made):
            # What follows a child is wrapped, so that Markdown in it is rendered on its own.
            span = SubElement(made, "span")
            span.text = piece
        elif piece:
            made.text = piece
    return made


def plain(text: object) -> AtomicString:
    """Return text in which Markdown means nothing."""
    return AtomicString(str(text))


def table(headings: Sequence[str], rows: Iterable[tuple[str, Sequence[Cell]]], caption: str) -> Element:
    """Return a table that scrolls by itself where it is too wide for the page.

    Args:
        headings: The columns.
        rows: An id, or nothing, and the cells of each row; the first cell is the row's heading.
        caption: What the table is, for those who cannot see it.
    """
    made = element("table", class_="data")
    head = SubElement(SubElement(made, "thead"), "tr")
    head.extend(element("th", plain(heading), scope="col") for heading in headings)
    body = SubElement(made, "tbody")
    for anchor, (first, *others) in rows:
        row = SubElement(body, "tr", {"id": anchor} if anchor else {})
        row.append(element("th", first, scope="row"))
        row.extend(element("td", cell, data_label=heading) for heading, cell in zip(headings[1:], others, strict=True))
    return element("div", made, class_="scroll", role="region", aria_label=caption, tabindex="0")


def nothing(sentence: str) -> Element:
    """Return a paragraph that says that there is nothing to show."""
    return element("p", plain(sentence), class_="nothing")


def departures(context: Context, slug: str) -> Iterator[Element]:
    """Where the implementation differs from the paper."""
    paper = context.evidence(slug).paper
    if not paper.departures:
        yield nothing("None: the implementation does what the paper says.")
        return
    headings = ("Departure", "The paper", "Here", "Why", "What it may change")
    rows = (
        (
            f"departure-{item.id}",
            (element("code", plain(item.id)), f"{item.paper} ({item.where})", item.what, item.why, item.effect),
        )
        for item in paper.departures
    )
    yield table(headings, rows, f"Departures from {paper.name}")


def questions(context: Context, slug: str) -> Iterator[Element]:
    """What the paper leaves unsaid."""
    paper = context.evidence(slug).paper
    if not paper.questions:
        yield nothing("None that we know of.")
        return
    headings = ("Question", "What is not known", "Assumed here", "What it may change")
    rows = (
        (
            f"question-{item.id}",
            (element("code", plain(item.id)), f"{item.question} ({item.where})", item.assumed, item.effect),
        )
        for item in paper.questions
    )
    yield table(headings, rows, f"Open questions of {paper.name}")


def symbols(context: Context, slug: str) -> Iterator[Element]:
    """The paper's symbols and their names in the code."""
    paper = context.evidence(slug).paper
    if not paper.symbols:
        yield nothing("None.")
        return
    rows = (
        ("", (f"${item.symbol}$", item.meaning, item.where, _code_place(context, slug, item.code)))
        for item in paper.symbols
    )
    yield table(("Symbol", "Meaning", "In the paper", "In the code"), rows, f"Symbols of {paper.name}")


def _code_place(context: Context, slug: str, place: str) -> Element:
    """`model.py: AMPLITUDE`, linked to the first line of the listing that has the name."""
    shown = element("code", plain(place))
    written = re.fullmatch(r"(?P<file>[\w/]+\.py):\s*(?P<name>\w+).*", place)
    path = context.root / "implementations" / package_name(slug) / (written["file"] if written else "")
    line = _first_line_with(path, written["name"]) if written and path.is_file() else None
    return element("a", shown, href=f"#{line_anchor(path, line)}") if line else shown


def _first_line_with(path: Path, name: str) -> int | None:
    lines = enumerate(read_text(path).split("\n"), start=1)
    return next((number for number, line in lines if re.search(rf"\b{re.escape(name)}\b", line)), None)


def comparison(context: Context, slug: str) -> Iterator[Element]:
    """The paper, this implementation and others, side by side."""
    paper = context.evidence(slug).paper
    if not paper.comparison.rows:
        yield nothing("None.")
        return
    columns = paper.comparison.columns
    rows = (
        (
            "",
            (
                row.aspect + (f" ({row.where})" if row.where else ""),
                *(row.cells.get(column, "") for column in columns),
                row.note,
            ),
        )
        for row in paper.comparison.rows
    )
    yield table(("", *columns, "Why they differ"), rows, f"Versions of {paper.name}")
