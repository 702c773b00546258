"""Markers that stand for Markdown rather than for HTML; they are replaced before anything is parsed.

```text
[[paper:lenet]]             the whole page of a paper
[[summary:lenet]]           its `summary.md`, without the title
[[include:CHANGELOG.md]]    a file at the root of the project, without the title
```
"""

from __future__ import annotations

import re

from markdown import Markdown
from markdown.preprocessors import Preprocessor

from papers import catalog
from papers.bibliography import blank_code
from papers.errors import UserError
from papers.files import read_text
from papers.markdown.context import Context

MARKER = re.compile(r"^\[\[(?P<kind>paper|summary|include):(?P<name>[\w./-]+)\]\][ ]*$")

_PAGE = """\
# {name}

[[header:{slug}]]

[[summary:{slug}]]

## Claims

[[claims:{slug}]]

## Curves

[[curves:{slug}]]

## Run it yourself

[[reproduce:{slug}]]

## Settings

[[settings:{slug}]]

## The code

[[code:{slug}]]

## Departures

[[departures:{slug}]]

## Open questions

[[questions:{slug}]]

## Symbols

[[symbols:{slug}]]

## Side by side

[[comparison:{slug}]]
"""


def register(md: Markdown, context: Context) -> None:
    """Add the markers to a converter: before HTML and fenced code are looked for."""
    md.preprocessors.register(Inclusion(md, context), "papers-pages", 40)


class Inclusion(Preprocessor):
    """Replaces the markers by what they stand for."""

    def __init__(self, md: Markdown, context: Context) -> None:
        """Take the converter's context."""
        super().__init__(md)
        self.context = context

    def run(self, lines: list[str]) -> list[str]:
        """Return the lines of the whole page."""
        self.context.text = "\n".join(lines)
        return self.expanded(lines)

    def expanded(self, lines: list[str]) -> list[str]:
        """Return lines with every marker outside code replaced."""
        prose = blank_code("\n".join(lines)).split("\n")
        result: list[str] = []
        for line, outside_code in zip(lines, prose, strict=True):
            marker = MARKER.match(outside_code)
            result += self.expand(marker["kind"], marker["name"], line) if marker else [line]
        return result

    def expand(self, kind: str, name: str, written: str) -> list[str]:
        """Return what one marker stands for; the marker itself if that cannot be had."""
        try:
            if kind == "include":
                return _without_title(_linked_from_docs(read_text(self.context.root / name)))
            paper = catalog.load(name, self.context.root / "papers")
            self.context.paper = name
            if kind == "summary":
                return ["", *_without_title(paper.summary()), ""]
            return self.expanded(_PAGE.format(name=paper.name, slug=name).split("\n"))
        except UserError as error:
            for problem in error.problems:
                if problem.path:
                    self.context.report(problem)
                else:
                    self.context.problem(problem.message, written.strip())
            return [f"`{written.strip()}`"]


def _without_title(text: str) -> list[str]:
    """The page that shows a file has a title already."""
    return re.sub(r"\A\s*# [^\n]*\n", "", text).split("\n")


def _linked_from_docs(text: str) -> str:
    """Links into docs/ are written from the root, so that they work on a code host; others lead out of the site."""

    def link(match: re.Match[str]) -> str:
        address = match["address"].removeprefix("./")
        if address.startswith("docs/"):
            return f"[{match['text']}](/{address.removeprefix('docs/')})"
        return match["text"]

    return re.sub(r"\[(?P<text>[^\]]+)\]\((?![a-z]+:|#|/)(?P<address>[^)\s]+)\)", link, text)
