"""`papers check`: everything that is wrong or missing in the knowledge base."""

from __future__ import annotations

import click

from cli.completion import complete_slugs
from cli.output import counted, format_option, print_json, print_prose, shown_path
from cli.status import FINISHED, NOT_REPRODUCED


@click.command(name="check", epilog="From Python: papers.checking.check(slug=...)")
@click.argument("slug", required=False, shell_complete=complete_slugs)
@format_option
def command(slug: str | None, output_format: str) -> int:
    """List all that is wrong or missing, with file and line.

    Looks at the papers' data and pages, citations, numbers in prose, implementations, records and the bibliography; of
    a new paper it lists what is still to be filled in. Exits with 1 if there is anything.

    \b
    Examples:
      papers check
      papers check lenet
    """
    from papers import catalog
    from papers.checking import check

    problems = check(slug=slug)
    if output_format == "json":
        print_json(problems)
        return NOT_REPRODUCED if problems else FINISHED
    for problem in problems:
        place = shown_path(problem.path) if problem.path else ""
        line = f":{problem.line}" if problem.line else ""
        click.echo(f"{place}{line}: {problem.message}" if place else problem.message)
    if problems:
        click.echo(f"\n{counted(len(problems), 'problem')}")
        return NOT_REPRODUCED
    print_prose(f"Nothing is wrong in {slug or counted(len(catalog.slugs()), 'paper')}.")
    return FINISHED
