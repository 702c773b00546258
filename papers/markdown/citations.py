"""`[@key, Sec. 2; @other]` becomes a bracket of author and year, each linked to its entry on the references page."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.inlinepatterns import InlineProcessor
from markdown.util import AtomicString

from papers.bibliography import CITATION, format_entry, parse_citation
from papers.errors import UserError
from papers.markdown.context import Context


def register(md: Markdown, context: Context) -> None:
    """Add citations to a converter: after code spans and escapes, before links."""
    md.inlinePatterns.register(CitationProcessor(CITATION.pattern, md, context), "papers-citation", 175)


class CitationProcessor(InlineProcessor):
    """Renders one bracket."""

    def __init__(self, pattern: str, md: Markdown, context: Context) -> None:
        """Take the converter's context."""
        super().__init__(pattern, md)
        self.context = context

    def handleMatch(  # type: ignore[override]  # noqa: N802 - the base class promises less than it takes
        self, m: re.Match[str], data: str
    ) -> tuple[Element, int, int]:
        """Return the citation, or the text marked as a problem."""
        works = parse_citation(m["inside"])
        if works is None:
            self.context.problem(f"Cannot read the citation {m[0]}; write [@key] or [@key, Sec. 2; @other].", m[0])
            return problem_mark(m[0]), m.start(), m.end()
        try:
            return citation(works, self.context), m.start(), m.end()
        except UserError as error:
            for problem in error.problems:
                if problem.path:
                    self.context.report(problem)
                else:
                    self.context.problem(problem.message, m[0])
            return problem_mark(m[0]), m.start(), m.end()


def citation(works: list[tuple[str, str]], context: Context, brackets: bool = True) -> Element:
    """Return the element for cited works, given as (key, locator).

    The whole reference is the link's description: read out by screen readers, and shown by the style sheet when the
    link is pointed at or has the focus.

    Raises:
        UserError: A key is unknown.
    """
    opening, closing = ("(", ")") if brackets else ("", "")
    span = Element("span", {"class": "citation"})
    span.text = AtomicString(opening)
    for number, (key, locator) in enumerate(works, start=1):
        entry = context.works.find(key)
        suffix = context.works.year_suffix(key)
        link = SubElement(
            span,
            "a",
            {"href": f"{context.references}#ref-{key}", "aria-description": format_entry(entry, "text", suffix)},
        )
        link.text = AtomicString(context.works.label(key))
        separator = "; " if number < len(works) else closing
        link.tail = AtomicString((f", {locator}" if locator else "") + separator)
    return span


def problem_mark(written: str) -> Element:
    """Return text that could not be rendered, as written, marked for the eye."""
    mark = Element("mark", {"class": "problem"})
    mark.text = AtomicString(written)
    return mark
