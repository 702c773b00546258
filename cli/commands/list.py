"""`papers list`: which papers there are."""

from __future__ import annotations

from typing import Any

import click

from cli.output import complain, counted, format_option, print_json, print_prose, print_title
from cli.status import BAD_INPUT, FINISHED


@click.command(name="list", epilog="From Python: papers.catalog.load_all()")
@format_option
def command(output_format: str) -> int:
    """List the papers, and how their claims stand.

    \b
    Examples:
      papers list
      papers list --format json
    """
    from cli.verdicts import count_verdicts, verdict_counts_text
    from papers import bibliography, catalog, evidence
    from papers.errors import UserError

    documents: list[dict[str, Any]] = []
    status = FINISHED
    works = bibliography.load()
    for slug in catalog.slugs():
        try:
            paper = catalog.load(slug)
            results = evidence.judge_paper(paper, evidence.published_records(paper))
        except UserError as error:  # the other papers can still be listed
            for problem in error.problems:
                complain(str(problem))
            status = BAD_INPUT
            continue
        entry = works.entries.get(paper.key)
        documents.append(
            {
                "slug": slug,
                "name": paper.name,
                "tagline": paper.tagline,
                "tags": paper.tags,
                "key": paper.key,
                "title": entry.title if entry else "",
                "year": entry.year if entry else "",
                "claims": len(paper.claims),
                "verdicts": count_verdicts(results),
            }
        )
        if output_format == "text":
            cited = f" · {entry.short_authors}, {entry.year}" if entry else ""
            print_title(f"{slug} · {paper.name}{cited}")
            print_prose(paper.tagline, indent=2)
            click.echo(f"  {counted(len(paper.claims), 'claim')}: {verdict_counts_text(results)}")
    if output_format == "json":
        print_json(documents)
    elif not documents and status == FINISHED:
        print_prose("There is no paper yet; `papers new SLUG` begins one.")
    return status
