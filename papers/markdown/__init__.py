"""Python-Markdown extensions for the knowledge base: citations, mathematics, numbers, tables, curves and code.

    >>> import markdown
    >>> markdown.markdown("As in [@lecun1998gradient, Sec. II].", extensions=["papers.markdown"])[:36]
    '<p>As in <span class="citation">(<a '

They need Python-Markdown only, so that they work in MkDocs, in docstrings that mkdocstrings renders, and elsewhere.
What is written and what comes out:

    [@key, Sec. 2; @other]     a citation, linked to the references
    $x^2$  and  $$x^2$$        MathML
    {=L6.here}                 a number of the paper or of a published run
    [[claims:lenet]]           in a paragraph of its own: a block made from the paper's data; see `blocks.py`

Options:
    root: the directory that holds `papers/`, `implementations/` and `references.bib`; the project's own by default.
    paper: the slug of the paper that a text belongs to, for `{=...}`; a page that shows a paper sets it itself.
    references: the address of the references page.
    strict: raise `UserError` at the first problem. Otherwise each problem is logged as a warning on a logger below
        `mkdocs`, which fails `mkdocs build --strict`, and marked in the text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension

from papers.bibliography import project_root
from papers.markdown import blocks, citations, mathematics, pages, quantities
from papers.markdown.context import Context


class PapersExtension(Extension):
    """All of the project's additions to Markdown."""

    def __init__(self, **options: Any) -> None:
        """Take the options that the module describes."""
        self.config = {
            "root": ["", "the directory that holds papers/; the project's own if empty"],
            "paper": ["", "the slug of the paper that a text belongs to"],
            "references": ["/references.md", "the address of the references page"],
            "strict": [False, "raise at the first problem"],
        }
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the name that Python-Markdown calls
        """Register everything; a converter has one context, which knows where it is and takes the problems."""
        root = Path(self.getConfig("root") or project_root())
        self.context = Context(
            md, root, self.getConfig("paper"), self.getConfig("references"), self.getConfig("strict")
        )
        md.registerExtension(self)
        for part in (pages, citations, mathematics, quantities, blocks):
            part.register(md, self.context)

    def reset(self) -> None:
        """Forget the last page; Python-Markdown calls this between two of them."""
        self.context.reset()


def makeExtension(**options: Any) -> PapersExtension:  # noqa: N802 - the name that Python-Markdown calls
    """Return the extension; this is what `extensions=["papers.markdown"]` calls."""
    return PapersExtension(**options)
