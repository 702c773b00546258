"""`papers diff`: the paper, this implementation and others, side by side."""

from __future__ import annotations

import click

from cli.completion import complete_slugs
from cli.output import format_option, line_width, print_heading, print_json, print_prose, print_table
from cli.status import FINISHED

NARROWEST_CELL = 14  # characters; with less a table of prose cannot be read


@click.command(name="diff", epilog="From Python: papers.catalog.load(slug).comparison and .departures")
@click.argument("slug", shell_complete=complete_slugs)
@format_option
def command(slug: str, output_format: str) -> int:
    r"""Show the paper's network, ours and what others build, side by side, and each departure from the paper.

    \b
    Examples:
      papers diff lenet
      papers diff lenet --format json
    """
    from papers import catalog

    paper = catalog.load(slug)
    if output_format == "json":
        print_json({"slug": slug, "comparison": paper.comparison, "departures": paper.departures})
        return FINISHED
    columns = paper.comparison.columns
    wide_enough = line_width() // max(len(columns), 1) >= NARROWEST_CELL
    for row in paper.comparison.rows:
        print_heading(f"{row.aspect} ({row.where})" if row.where else row.aspect)
        if wide_enough:
            print_table(columns, [[row.cells[column] for column in columns]], indent=2)
        else:
            for column in columns:
                print_prose(f"{column}: {row.cells[column]}", indent=2, hanging=4)
        if row.note:
            print_prose(row.note, indent=2)
    print_heading(f"Departures of this implementation from the paper ({len(paper.departures)})")
    for departure in paper.departures:
        print_prose(f"{departure.id} ({departure.where})", indent=2)
        for said, text in (
            ("paper", departure.paper),
            ("here", departure.what),
            ("why", departure.why),
            ("effect", departure.effect),
        ):
            print_prose(f"{said}: {text}", indent=4, hanging=6)
    return FINISHED
