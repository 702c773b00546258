r"""`$x^2$` and `$$x^2$$` become MathML, which browsers show without a script.

A dollar that is money needs no escape: a formula begins with a dollar that no space follows, and ends with one that no
space precedes and no digit follows. `\$` is always a dollar.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.inlinepatterns import InlineProcessor

from papers.errors import UserError
from papers.markdown.citations import problem_mark
from papers.markdown.context import Context

if TYPE_CHECKING:
    from math_core import LatexToMathML

_INLINE = r"(?<![\\$])\$(?![\s$])(?P<latex>(?:\\.|[^$\\])+?)(?<!\s)\$(?![\d$])"
_BLOCK = re.compile(r"^\$\$\s*(?P<latex>.*?)\s*\$\$[ ]*$", re.MULTILINE | re.DOTALL)


def register(md: Markdown, context: Context) -> None:
    """Add formulas to a converter: after code spans, but before anything reads backslashes or asterisks."""
    md.inlinePatterns.register(InlineMathematics(_INLINE, md, context), "papers-mathematics", 185)
    md.parser.blockprocessors.register(BlockMathematics(md, context), "papers-mathematics", 85)


def to_mathml(latex: str, block: bool = False) -> str:
    """Convert LaTeX to a MathML element.

    Raises:
        UserError: It is not a formula that can be shown; says what is wrong with it.
    """
    from math_core import LatexError

    if not latex.strip():
        raise UserError("A formula with nothing in it.")
    try:
        # Equation numbers start anew in each formula, so that a page looks the same whatever was built before it.
        return _converter().convert_with_local_state(latex, displaystyle=block)
    except LatexError as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise UserError(f"Cannot read the formula {latex.strip()}: {reason}.") from error


@cache
def _converter() -> LatexToMathML:
    from math_core import LatexToMathML

    macros = {"substack": r"\begin{subarray}{c}#1\end{subarray}"}
    return LatexToMathML(macros=macros, allow_unreliable_rendering=True, fancy_error=False)


class InlineMathematics(InlineProcessor):
    """A formula within a line."""

    def __init__(self, pattern: str, md: Markdown, context: Context) -> None:
        """Take the converter's context."""
        super().__init__(pattern, md)
        self.context = context

    def handleMatch(  # type: ignore[override]  # noqa: N802 - the base class promises less than it takes
        self, m: re.Match[str], data: str
    ) -> tuple[Element | str, int, int]:
        """Return the formula, or its source marked as a problem."""
        try:
            mathml = to_mathml(m["latex"])
        except UserError as error:
            self.context.problem(error.problems[0].message, m[0])
            return problem_mark(m[0]), m.start(), m.end()
        # The span keeps a paragraph that is nothing but a formula a paragraph.
        return self.md.htmlStash.store(f'<span class="formula">{mathml}</span>'), m.start(), m.end()


class BlockMathematics(BlockProcessor):
    """A formula in lines of its own."""

    def __init__(self, md: Markdown, context: Context) -> None:
        """Take the converter's context."""
        super().__init__(md.parser)
        self.md = md
        self.context = context

    def test(self, parent: Element, block: str) -> bool:
        """Whether a block holds such a formula."""
        return bool(_BLOCK.search(block))

    def run(self, parent: Element, blocks: list[str]) -> None:
        """Parse what stands before and after it as usual."""
        block = blocks.pop(0)
        match = _BLOCK.search(block)
        if match is None:  # `test` has found it
            return
        before, after = block[: match.start()], block[match.end() :].lstrip("\n")
        if before.strip():
            self.parser.parseBlocks(parent, [before])
        formula = SubElement(parent, "div", {"class": "formula"})
        try:
            formula.text = self.md.htmlStash.store(to_mathml(match["latex"], block=True))
        except UserError as error:
            # A docstring is indented in its file: look for one line of the formula, not for all of it.
            self.context.problem(error.problems[0].message, max(match["latex"].split("\n"), key=len).strip())
            formula.append(problem_mark(match[0]))
        if after.strip():
            blocks.insert(0, after)
