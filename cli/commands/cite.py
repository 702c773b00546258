"""`papers cite`: entries of the bibliography, in the style wanted."""

from __future__ import annotations

import click

from cli.completion import complete_keys
from cli.output import format_option, print_json
from cli.status import FINISHED

STYLES = ("text", "markdown", "html", "bibtex", "csl-json", "key")  # as papers.bibliography.STYLES; a test compares


@click.command(
    name="cite",
    epilog="From Python: papers.bibliography.load().find(key), papers.bibliography.format_entry(entry, style)",
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...", shell_complete=complete_keys)
@click.option("--style", type=click.Choice(STYLES), default="text", show_default=True, help="How to write it out.")
@format_option
def command(keys: tuple[str, ...], style: str, output_format: str) -> int:
    """Print the bibliography's entries for citation keys.

    With --format json, a list of CSL-JSON objects, as citation processors read it.

    \b
    Examples:
      papers cite lecun1998gradient
      papers cite lecun1998gradient lecun1989backpropagation --style bibtex
    """
    from papers import bibliography

    works = bibliography.load()
    entries = [works.find(key) for key in keys]
    if output_format == "json":
        print_json([bibliography.csl(entry) for entry in entries])
        return FINISHED
    separator = "\n\n" if style in ("bibtex", "csl-json") else "\n"
    click.echo(
        separator.join(bibliography.format_entry(entry, style, works.year_suffix(entry.key)) for entry in entries)
    )
    return FINISHED
