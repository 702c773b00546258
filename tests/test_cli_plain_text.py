"""A summary in the terminal: nothing of Markdown is seen but what mathematics and code need."""

from __future__ import annotations

import pytest

from cli.plain_text import render, write_out_citations
from papers import bibliography

MARKDOWN = {
    "heading": ("## The idea {#idea}", "The idea"),
    "paragraph": ("one\ntwo\n\nthree", "one two\n\nthree"),
    "emphasis": (
        "**strong** and *weak* and _weak_, not 2*3*4 or a_b_c",
        "strong and weak and weak, not 2*3*4 or a_b_c",
    ),
    "nested": ("**strong with `code` and *weak***", "strong with `code` and weak"),
    "link": ("see [the site](https://example.org) and [C3](#c3)", "see the site (https://example.org) and C3"),
    "figure": ("![The network](net.svg)", "[figure: The network]"),
    "mathematics": ("where $a*b*c$ and $x_i$", "where $a*b*c$ and $x_i$"),
    "number": ("White is $-0.1$.", "White is -0.1."),
    "code": ("call `a*b*c`", "call `a*b*c`"),
    "escaped": (r"2 \* 3 \* 4", "2 * 3 * 4"),
    "comment": ("one <!-- not\nthis --> two", "one  two"),
    "list": ("- one\n  goes on\n- two", "- one goes on\n- two"),
    "numbered": ("1. one\n2. two", "1. one\n2. two"),
    "list after a line": ("such as\n- one", "such as\n- one"),
    "quote": ("> said\n> so", "  | said so"),
    "table": ("| a | b |\n|---|---|\n| 1 | **2** |", "| a | b |\n|---|---|\n| 1 | 2 |"),
    "fence": ("```python\nx = a*b*c\n\ny = 1\n```", "    x = a*b*c\n    \n    y = 1"),
    "display": ("before\n$$E = mc^2$$\nafter", "before\n\n    $$E = mc^2$$\n\nafter"),
    "long display": ("$$\nE = mc^2\n$$", "    $$\n    E = mc^2\n    $$"),
    "unclosed fence": ("```\nx = 1", "    x = 1"),
    "empty": ("", ""),
}


@pytest.mark.parametrize(("markdown", "text"), MARKDOWN.values(), ids=MARKDOWN)
def test_plain_text(markdown: str, text: str) -> None:
    assert render(markdown, 80) == text


def test_lines_fit_and_hang() -> None:
    lines = render("- " + "word " * 30, 40).splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert lines[0].startswith("- word")
    assert all(line.startswith("  word") for line in lines[1:])


def test_a_short_formula_is_not_broken() -> None:
    text = render("The targets are at $\\pm 1$ here", 24)
    assert text == "The targets are at\n$\\pm 1$ here"


def test_headings_are_marked() -> None:
    assert render("# A\n\ntext", 80, str.upper) == "A\n\ntext"
    assert render("# an idea\ntext", 80, str.upper) == "AN IDEA\n\ntext"


def test_citations_are_written_out() -> None:
    works = bibliography.load()
    text = "As [@lecun1998gradient, Sec. II; @he2016deep] and `[@he2016deep]` and [@nobody2000] say."
    assert write_out_citations(text, works) == (
        "As (LeCun et al., 1998, Sec. II; He et al., 2016a) and `[@he2016deep]` and [@nobody2000] say."
    )
