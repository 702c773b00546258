"""`papers new`: the files of a new paper."""

from __future__ import annotations

import click

from cli.output import format_option, print_json, print_prose, shown_path
from cli.status import FINISHED


@click.command(name="new", epilog="From Python: papers.scaffold.new(slug)")
@click.argument("slug")
@format_option
def command(slug: str, output_format: str) -> int:
    """Make the files of a new paper, to be filled in.

    SLUG is the paper's short name: small letters, digits and hyphens. `papers check SLUG` then lists what is still to
    be said, item by item. Nothing that is there already is touched.

    \b
    Examples:
      papers new vgg
    """
    from papers.scaffold import new

    made = new(slug)
    if output_format == "json":
        print_json(made)
        return FINISHED
    for path in made:
        click.echo(shown_path(path))
    print_prose(f"What is to be filled in: papers check {slug}")
    return FINISHED
