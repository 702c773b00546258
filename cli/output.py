"""How the command prints: aligned tables and wrapped prose for people, one JSON document for machines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, TypeVar

import click

GAP = 2  # spaces between two columns
MINIMUM_WIDTH, MAXIMUM_WIDTH = 60, 120

COLOURS = {
    "reproduced": "green",
    "not reproduced": "red",
    "inconclusive": "yellow",
    "error": "red",
    "out of reach": "bright_black",
}

Command = TypeVar("Command", bound=Callable[..., Any])


def format_option(command: Command) -> Command:
    """Give a command `--format text|json`, as its parameter `output_format`."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Text for people, or one JSON document.",
    )(command)


def print_json(value: object) -> None:
    """Print a value as one JSON document; dataclasses become objects."""
    import json

    from papers.schema import as_data

    click.echo(json.dumps(as_data(value), indent=2, ensure_ascii=False, allow_nan=False))


def line_width() -> int:
    """Return the width to wrap at: that of the terminal within reason, 80 where there is none."""
    import shutil

    return max(MINIMUM_WIDTH, min(MAXIMUM_WIDTH, shutil.get_terminal_size((80, 24)).columns))


def print_prose(text: str, *, indent: int = 0, hanging: int | None = None) -> None:
    """Print one paragraph, wrapped; `hanging` is the indent of all lines but the first."""
    first = " " * indent
    rest = first if hanging is None else " " * hanging
    click.echo("\n".join(wrap_text(text, line_width(), first, rest)))


# A number stays with its per cent sign, a place with its number.
TOGETHER = re.compile(r"(?<=\d) (?=%)|(?<=\bSec\.) |(?<=\bFig\.) |(?<=\bEq\.) ")
HELD = "\N{NO-BREAK SPACE}"


def wrap_text(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """Wrap a paragraph at spaces only; a word that is longer than the line, such as an address, stays whole.

    Args:
        text: The paragraph.
        width: The characters a line may have.
        first: What the first line begins with.
        rest: What all other lines begin with.
    """
    lines = wrap(
        TOGETHER.sub(HELD, text),
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(HELD, " ") for line in lines] or [first.rstrip()]


def counted(count: int, thing: str) -> str:
    """Return `1 claim` or `2 claims`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def shown_path(path: Path) -> str:
    """Return a path as a person would type it: from the current directory where it lies in it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (OSError, ValueError):  # there is no current directory any more, or the path lies elsewhere
        return str(path)


def complain(message: str) -> None:
    """Print one sentence on the standard error."""
    click.echo(f"papers: {message}", err=True)


def print_title(text: str) -> None:
    """Print the first line of what a command says."""
    click.echo(click.style(text, bold=True))


def print_heading(text: str) -> None:
    """Print a heading with an empty line above it."""
    click.echo()
    print_title(text)


def print_pairs(pairs: Iterable[tuple[str, str]], *, indent: int = 0) -> None:
    """Print `name  value` lines with the values aligned and wrapped; pairs without a value are left out."""
    kept = [(name, value) for name, value in pairs if value]
    column = indent + max((len(name) for name, _ in kept), default=0) + GAP
    for name, value in kept:
        first = " " * indent + name.ljust(column - indent)
        click.echo("\n".join(wrap_text(value, line_width(), first, " " * column)))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 0) -> None:
    """Print rows under a header, the columns aligned, the widest ones wrapped until all fit the line."""
    for line in table_lines(header, rows, line_width() - indent):
        click.echo(" " * indent + line)


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Lay out a table in at most `width` characters a line, as far as its longest words allow."""
    table = [list(header), *(list(row) for row in rows)]
    columns = [[row[i] for row in table] for i in range(len(header))]
    natural = [max(map(len, column)) for column in columns]
    least = [max(len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    widths = fit(natural, least, width - GAP * (len(header) - 1))
    head, *body = (_row_lines(row, widths) for row in table)
    rule = "-" * (sum(widths) + GAP * (len(widths) - 1))
    return [*(click.style(line, bold=True) for line in head), rule, *(line for lines in body for line in lines)]


def fit(natural: Sequence[int], least: Sequence[int], available: int) -> list[int]:
    """Share out a line: narrow columns keep their width, the wide ones are cut level until all fit.

    Args:
        natural: The width that each column would take without wrapping, in characters.
        least: The width of each column's longest word, below which it is not cut.
        available: The characters there are for all of them.

    Returns:
        The width of each column; together at most `available`, unless the longest words take more.
    """
    level = max(natural, default=0)
    widths = list(natural)
    while sum(widths) > available and level > 0:
        level -= 1
        widths = [max(low, min(width, level)) for width, low in zip(natural, least, strict=True)]
    return widths


def _row_lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the lines that one table row takes."""
    cells = [wrap_text(cell, max(width, 1)) for cell, width in zip(row, widths, strict=True)]
    height = max(len(cell) for cell in cells)
    padded = [cell + [""] * (height - len(cell)) for cell in cells]
    return [
        (" " * GAP).join(_painted(cell[i], w) for cell, w in zip(padded, widths, strict=True)).rstrip()
        for i in range(height)
    ]


def _painted(text: str, width: int) -> str:
    """Fill a cell's line up to its width, and give it its colour if it is a verdict."""
    return verdict_text(text) + " " * (width - len(text))


def verdict_text(verdict: str) -> str:
    """Return a verdict in its colour; any other text as it is."""
    return click.style(verdict, fg=COLOURS[verdict]) if verdict in COLOURS else verdict
