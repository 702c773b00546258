"""Markdown for the terminal: paragraphs wrapped, marks of emphasis taken off, mathematics and code left as written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cli.output import HELD, wrap_text

if TYPE_CHECKING:
    from papers.bibliography import Bibliography

FENCE = re.compile(r"\s*(```+|~~~+)")
HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$")
ITEM = re.compile(r"(\s*(?:[-*+]|\d+[.)])\s+)(.*)", re.DOTALL)
QUOTE = re.compile(r"^\s*>\s?", re.MULTILINE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
DISPLAY = re.compile(r"\s*\$\$")
LONGEST_HELD = 30  # characters; a longer formula may be broken between two lines
NUMBER = re.compile(r"\$[-+\d.,%]+\$")  # a formula that is only a number
ATTRIBUTES = re.compile(r"\s*\{[:#.][^{}]*\}\s*$")

# One alternative a kind of piece; what stands first wins, so that nothing is touched inside code and mathematics.
INLINE = re.compile(
    r"(?P<kept>`+[^`]+`+|\$[^$\n]+\$)"
    r"|!\[(?P<figure>[^\]]*)\]\([^)]*\)"
    r"|\[(?P<link>[^\]]+)\]\((?P<address>[^)\s]*)[^)]*\)"
    r"|\*\*(?P<strong>.+?)\*\*(?!\*)"
    r"|(?<![\w*])\*(?P<emphasis>[^*\s](?:[^*]*[^*\s])?)\*(?![\w*])"
    r"|(?<![\w_])_(?P<underscored>[^_\s](?:[^_]*[^_\s])?)_(?![\w_])"
    r"|\\(?P<escaped>[\\`*_{}\[\]()#+.!$<>@-])",
    re.DOTALL,
)


def render(markdown: str, width: int, heading: Callable[[str], str] = str) -> str:
    """Lay Markdown out as plain text.

    Args:
        markdown: The text.
        width: The characters a line may have.
        heading: What is done to a heading, for example making it bold.
    """
    blocks = [_render_block(block, width, heading) for block in _blocks(COMMENT.sub("", markdown))]
    return "\n\n".join(block for block in blocks if block).replace(HELD, " ")


def _blocks(markdown: str) -> Iterator[str]:
    """Split at empty lines, at headings and list items, and keep fenced code and displayed formulas whole."""
    block: list[str] = []
    closing = ""
    for line in markdown.splitlines():
        if closing:
            block.append(line)
            if line.strip().endswith(closing):
                yield "\n".join(block)
                block, closing = [], ""
            continue
        fence = FENCE.match(line)
        display = DISPLAY.match(line)
        starts_anew = fence or display or HEADING.match(line) or not line.strip()
        if starts_anew and block:
            yield "\n".join(block)
            block = []
        if fence or (display and line.strip().count("$$") == 1):
            closing = fence[1] if fence else "$$"
            block = [line]
        elif HEADING.match(line) or display:
            yield line
        elif line.strip():
            block.append(line)
    if block:
        yield "\n".join(block)


def _render_block(block: str, width: int, heading: Callable[[str], str]) -> str:
    if FENCE.match(block) or DISPLAY.match(block):
        return "\n".join(f"    {line.rstrip()}" for line in block.splitlines() if not FENCE.match(line))
    title = HEADING.fullmatch(block)
    if title:
        return heading(inline(ATTRIBUTES.sub("", title[1])))
    if block.lstrip().startswith("|"):
        return inline(block)
    if block.lstrip().startswith(">"):
        return "\n".join(wrap_text(inline(QUOTE.sub("", block)), width, "  | ", "  | "))
    return "\n".join("\n".join(_render_item(item, width)) for item in _items(block))


def _items(block: str) -> list[str]:
    """Split a list into its items; a paragraph is one item."""
    items: list[str] = []
    for line in block.splitlines():
        if ITEM.match(line) or not items:
            items.append(line)
        else:
            items[-1] += f"\n{line}"
    return items


def _render_item(item: str, width: int) -> list[str]:
    marked = ITEM.fullmatch(item)
    mark, text = (marked[1], marked[2]) if marked else ("", item)
    text = re.sub(r"\s*\n\s*", " ", inline(ATTRIBUTES.sub("", text)))
    return wrap_text(text, width, mark, " " * len(mark))


def inline(text: str) -> str:
    """Take the marks off a piece of running text; a link to an address keeps it, a link within the site does not."""

    def plain(match: re.Match[str]) -> str:
        if match["kept"]:
            kept = match["kept"].strip("$") if NUMBER.fullmatch(match["kept"]) else match["kept"]
            return kept.replace(" ", HELD) if len(kept) <= LONGEST_HELD else kept
        if match["figure"] is not None:
            return f"[figure: {match['figure']}]"
        if match["link"]:
            address = match["address"]
            return inline(match["link"]) + (f" ({address})" if address.startswith("http") else "")
        return match["escaped"] or inline(match["strong"] or match["emphasis"] or match["underscored"])

    return INLINE.sub(plain, text)


def write_out_citations(markdown: str, works: Bibliography) -> str:
    """Replace `[@key, Sec. 2]` by `(LeCun et al., 1998, Sec. 2)`, outside code; unknown keys stay as they are."""
    from papers.bibliography import CITATION, blank_code, parse_citation

    pieces: list[str] = []
    position = 0
    for match in CITATION.finditer(blank_code(markdown)):
        cited = parse_citation(match["inside"])
        if cited is None or any(key not in works for key, _ in cited):
            continue
        written = "; ".join(", ".join(part for part in (works.label(key), place) if part) for key, place in cited)
        pieces += [markdown[position : match.start()], f"({written})"]
        position = match.end()
    return "".join([*pieces, markdown[position:]])
