"""Markers that stand for a block of HTML made from the data; each in a paragraph of its own.

```text
[[header:lenet]]       who wrote the paper, where it appeared, and how its claims stand
[[claims:lenet]]       each claim with the paper's value, ours, the verdict and the receipt
[[curves:lenet]]       the curves of the records that count
[[reproduce:lenet]]    how to run each experiment, and what each scale can show
[[settings:lenet]]     what each experiment is run with, and where each value comes from
[[code:lenet]]         the implementation, and which lines implement which section
[[departures:lenet]], [[questions:lenet]], [[symbols:lenet]], [[comparison:lenet]]
[[cards]]              all papers
[[references]]         all works of the bibliography, and who cites each
```
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.blockprocessors import BlockProcessor

from papers.errors import UserError
from papers.markdown import claims, code, curves, overview, references, settings, tables
from papers.markdown.citations import problem_mark
from papers.markdown.context import Context
from papers.schema import did_you_mean

MARKER = re.compile(r"^\[\[(?P<kind>[a-z]+)(?::(?P<slug>[\w-]+))?\]\][ ]*$")

OF_A_PAPER: Mapping[str, Callable[[Context, str], Iterable[Element]]] = {
    "header": overview.header,
    "claims": claims.claims,
    "curves": curves.curves,
    "reproduce": overview.reproduce,
    "settings": settings.settings,
    "code": code.code,
    "departures": tables.departures,
    "questions": tables.questions,
    "symbols": tables.symbols,
    "comparison": tables.comparison,
}
OF_ALL: Mapping[str, Callable[[Context], Iterable[Element]]] = {
    "cards": overview.cards,
    "references": references.references,
}


def register(md: Markdown, context: Context) -> None:
    """Add the markers to a converter: before reference links, which look alike."""
    md.parser.blockprocessors.register(Blocks(md, context), "papers-blocks", 95)


class Blocks(BlockProcessor):
    """Replaces a marker by its block."""

    def __init__(self, md: Markdown, context: Context) -> None:
        """Take the converter's context."""
        super().__init__(md.parser)
        self.context = context

    def test(self, parent: Element, block: str) -> bool:
        """Whether a block is a marker and nothing else."""
        return bool(MARKER.match(block.strip()))

    def run(self, parent: Element, blocks: list[str]) -> None:
        """Put the block in the place of its marker."""
        written = blocks.pop(0).strip()
        try:
            parent.extend(self.made_from(written))
        except UserError as error:
            for problem in error.problems:
                if problem.path:
                    self.context.report(problem)
                else:
                    self.context.problem(problem.message, written)
            SubElement(parent, "p").append(problem_mark(written))

    def made_from(self, written: str) -> list[Element]:
        """Return the elements that a marker stands for.

        Raises:
            UserError: There is no such marker or paper, or the paper's data are wrong.
        """
        marker = MARKER.match(written)
        kind, slug = (marker["kind"], marker["slug"]) if marker else ("", None)
        if kind in OF_ALL and not slug:
            return list(OF_ALL[kind](self.context))
        if kind in OF_A_PAPER and slug:
            self.context.paper = slug
            return list(OF_A_PAPER[kind](self.context, slug))
        if kind in OF_A_PAPER:
            raise UserError(f"{written} names no paper; write [[{kind}:slug]].")
        known = [*OF_A_PAPER, *OF_ALL, "paper", "summary", "include"]
        raise UserError(f"There is no block {written}{did_you_mean(kind, known)}; there are {', '.join(known)}.")
