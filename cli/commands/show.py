"""`papers show`: one paper, readable in the terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import click

from cli.completion import complete_slugs
from cli.output import (
    counted,
    format_option,
    line_width,
    print_heading,
    print_json,
    print_pairs,
    print_prose,
    print_title,
)
from cli.status import FINISHED

if TYPE_CHECKING:
    from papers.bibliography import Bibliography
    from papers.catalog import Paper
    from papers.evidence import ClaimResult, Record

BLOCK = re.compile(r"^\[\[[^\[\]\n]+\]\]$", re.MULTILINE)  # the site's tables and curves; below stands what they show
TITLE = re.compile(r"\A\s*# .*$", re.MULTILINE)


@click.command(name="show", epilog="From Python: papers.catalog.load(slug), papers.evidence.published_records(paper)")
@click.argument("slug", shell_complete=complete_slugs)
@format_option
def command(slug: str, output_format: str) -> int:
    """Show a paper: summary, verdicts, experiments.

    \b
    Examples:
      papers show lenet
      papers show lenet --format json
    """
    from cli.verdicts import verdict_counts_text
    from papers import bibliography, catalog, evidence

    paper = catalog.load(slug)
    works = bibliography.load()
    records = evidence.published_records(paper)
    results = evidence.judge_paper(paper, records)
    if output_format == "json":
        print_json(paper_document(paper, works, records, results))
        return FINISHED
    print_metadata(paper, works)
    click.echo("\n" + summary_text(paper, works, records))
    print_heading("Verdicts")
    click.echo(f"  {counted(len(results), 'claim')}: {verdict_counts_text(results)}")
    click.echo(f"  one by one: papers claims {slug}")
    print_experiments(paper)
    print_heading("More")
    departures = counted(len(paper.departures), "departure")
    click.echo(f"  {departures} from the paper, and how others build it: papers diff {slug}")
    if paper.questions:
        click.echo(f"  {counted(len(paper.questions), 'question')} that the paper leaves open: papers diff {slug}")
    return FINISHED


def print_metadata(paper: Paper, works: Bibliography) -> None:
    """Print what the paper is, who wrote it and where it appeared."""
    print_title(f"{paper.name} ({paper.slug})")
    entry = works.entries.get(paper.key)
    print_prose(paper.tagline)
    click.echo()
    print_pairs(
        [
            ("title", entry.title if entry else ""),
            ("authors", ", ".join(paper_authors(paper, works))),
            ("appeared", f"{entry.venue}, {entry.year}" if entry else ""),
            ("link", entry.link if entry else ""),
            ("key", paper.key),
            ("tags", ", ".join(paper.tags)),
            ("builds on", "; ".join(works.label(key) if key in works else key for key in paper.builds_on)),
        ]
    )


def paper_authors(paper: Paper, works: Bibliography) -> list[str]:
    """Return the authors' names in full, in the order of the paper."""
    entry = works.entries.get(paper.key)
    names = entry.authors if entry else ()
    return [" ".join(part for part in (name.given, name.surname, name.suffix) if part) for name in names]


def summary_text(paper: Paper, works: Bibliography, records: list[Record]) -> str:
    """Return the summary as plain text, with its numbers looked up and its citations written out."""
    from cli.plain_text import render, write_out_citations
    from papers import numbers

    text = numbers.resolve(paper.summary(), paper, records, paper.summary_path)
    text = BLOCK.sub("", TITLE.sub("", text))
    return render(write_out_citations(text, works), line_width(), lambda title: click.style(title, bold=True))


def print_experiments(paper: Paper) -> None:
    """Print each experiment with its scales and the command that runs it."""
    print_heading("Experiments")
    for experiment in paper.experiments:
        print_prose(f"{experiment.name}: {experiment.title}. {experiment.what}", indent=2, hanging=4)
        for scale in experiment.scales.values():
            data = f", on {', '.join(scale.data)}" if scale.data else ""
            print_prose(f"{scale.name:<6} {scale.duration}{data}; shows {scale.shows}", indent=4, hanging=11)
    click.echo(f"\n  all that take seconds: papers reproduce {paper.slug}")
    click.echo(f"  one of them: papers reproduce {paper.slug} --experiment NAME --scale SCALE")


def paper_document(
    paper: Paper, works: Bibliography, records: list[Record], results: list[ClaimResult]
) -> dict[str, Any]:
    """Return all of it as plain data."""
    from cli.verdicts import claim_document, count_verdicts
    from papers import numbers
    from papers.schema import as_data

    entry = works.entries.get(paper.key)
    document = cast("dict[str, Any]", as_data(paper))
    return document | {
        "title": entry.title if entry else "",
        "authors": paper_authors(paper, works),
        "year": entry.year if entry else "",
        "venue": entry.venue if entry else "",
        "link": entry.link if entry else "",
        "summary": numbers.resolve(paper.summary(), paper, records, paper.summary_path),
        "claims": [claim_document(result) for result in results],
        "verdicts": count_verdicts(results),
        "records": [str(record.path) for record in records],
    }
