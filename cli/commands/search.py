"""`papers search`: papers, claims, experiments, settings, departures, questions and symbols, by words."""

from __future__ import annotations

import click

from cli.output import format_option, print_json, print_prose, print_table
from cli.status import FINISHED


@click.command(name="search", epilog="From Python: papers.catalog.search(query)")
@click.argument("query", nargs=-1, required=True, metavar="QUERY...")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Show at most this many.")
@format_option
def command(query: tuple[str, ...], limit: int, output_format: str) -> int:
    """Find papers, claims, settings and more, by words.

    Looks in papers, claims, experiments, settings, departures, questions and symbols. Case and accents do not matter,
    the beginning of a word is enough, and mistyped words are forgiven.

    \b
    Examples:
      papers search subsampling
      papers search test error --format json
    """
    from papers import catalog

    matches = catalog.search(" ".join(query))
    if output_format == "json":
        print_json(matches[:limit])
        return FINISHED
    if not matches:
        print_prose(f"Nothing fits '{' '.join(query)}'.")
        return FINISHED
    print_table(
        ["paper", "kind", "name", "text"], [[match.slug, match.kind, match.id, match.text] for match in matches[:limit]]
    )
    if len(matches) > limit:
        print_prose(f"{len(matches) - limit} more; --limit shows them.")
    return FINISHED
