"""`papers diff`: the paper, this implementation and others, side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cli.completion import complete_slugs
from cli.output import format_option, print_heading, print_json, print_prose, print_table, print_title
from cli.status import FINISHED

if TYPE_CHECKING:
    from papers.catalog import Paper, Row
    from papers.evidence import Record


@click.command(name="diff", epilog="From Python: papers.catalog.load(slug).comparison, .departures and .questions")
@click.argument("slug", shell_complete=complete_slugs)
@format_option
def command(slug: str, output_format: str) -> int:
    """Show the paper's network, ours and others', side by side.

    Below stand the departures of this implementation from the paper, and the questions that the paper leaves open.

    \b
    Examples:
      papers diff lenet
      papers diff lenet --format json
    """
    from papers import catalog, evidence

    paper = catalog.load(slug)
    records = evidence.published_records(paper)
    columns = paper.comparison.columns
    rows = [with_numbers(row, paper, records) for row in paper.comparison.rows]
    if output_format == "json":
        comparison = {"columns": columns, "rows": rows}
        print_json(
            {"slug": slug, "comparison": comparison, "departures": paper.departures, "questions": paper.questions}
        )
        return FINISHED
    for number, row in enumerate(rows):
        (print_heading if number else print_title)(f"{row.aspect} ({row.where})" if row.where else row.aspect)
        print_table(columns, [[row.cells[column] for column in columns]], indent=2)
        if row.note:
            print_prose(row.note, indent=2)
    print_heading(f"Departures of this implementation from the paper: {len(paper.departures)}")
    for departure in paper.departures:
        print_prose(f"{departure.id} ({departure.where})", indent=2)
        print_told(
            ("paper", departure.paper), ("here", departure.what), ("why", departure.why), ("effect", departure.effect)
        )
    print_heading(f"Questions that the paper leaves open: {len(paper.questions)}")
    for question in paper.questions:
        print_prose(f"{question.id} ({question.where})", indent=2)
        print_told(("open", question.question), ("assumed", question.assumed), ("effect", question.effect))
    return FINISHED


def with_numbers(row: Row, paper: Paper, records: list[Record]) -> Row:
    """Return a row whose references, such as `{=L1.paper}`, are replaced by the numbers they stand for."""
    from papers.numbers import resolve

    cells = {column: resolve(cell, paper, records, paper.path) for column, cell in row.cells.items()}
    return replace(row, cells=cells, note=resolve(row.note, paper, records, paper.path))


def print_told(*told: tuple[str, str]) -> None:
    """Print what there is to say about one thing, each with its name before it."""
    for name, text in told:
        print_prose(f"{name}: {text}", indent=4, hanging=6)
