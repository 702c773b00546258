"""`{=L6.here}` becomes a number of the paper or of a published run, linked to the claim or experiment it comes from."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.inlinepatterns import InlineProcessor
from markdown.util import AtomicString

from papers import numbers
from papers.errors import UserError
from papers.markdown.citations import problem_mark
from papers.markdown.context import Context


def register(md: Markdown, context: Context) -> None:
    """Add numbers to a converter, before anything reads braces."""
    md.inlinePatterns.register(NumberProcessor(numbers.REFERENCE.pattern, md, context), "papers-number", 178)


class NumberProcessor(InlineProcessor):
    """Renders one reference; `{=lenet/L6.here}` names the paper on a page that belongs to none."""

    def __init__(self, pattern: str, md: Markdown, context: Context) -> None:
        """Take the converter's context."""
        super().__init__(pattern, md)
        self.context = context

    def handleMatch(  # type: ignore[override]  # noqa: N802 - the base class promises less than it takes
        self, m: re.Match[str], data: str
    ) -> tuple[Element, int, int]:
        """Return the number, or the reference marked as a problem."""
        written_slug, _, name = m["name"].strip().rpartition("/")
        slug = written_slug or self.context.paper
        try:
            if not slug:
                raise UserError(f"{m[0]} does not say which paper it means; write {{=slug/{name}}}.")
            evidence = self.context.evidence(slug)
            shown = numbers.look_up(name, evidence.paper, evidence.records)
        except UserError as error:
            for problem in error.problems:
                if problem.path:
                    self.context.report(problem)
                else:
                    self.context.problem(problem.message, m[0])
            return problem_mark(m[0]), m.start(), m.end()
        page = "" if slug == self.context.paper else f"/papers/{slug}.md"
        first = name.split(".")[0]
        is_claim = any(claim.id == first for claim in evidence.paper.claims)
        anchor = first if is_claim else f"experiment-{first}"
        link = Element("a", {"class": "number", "href": f"{page}#{anchor}"})
        link.text = AtomicString(shown)
        return link, m.start(), m.end()
