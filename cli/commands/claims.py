"""`papers claims`: the claims of a paper with their verdicts, or one of them in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.completion import complete_claims, complete_slugs
from cli.output import (
    counted,
    format_option,
    print_heading,
    print_json,
    print_pairs,
    print_prose,
    print_table,
    print_title,
    shown_path,
)
from cli.status import FINISHED

if TYPE_CHECKING:
    from papers.evidence import ClaimResult


@click.command(
    name="claims",
    epilog="From Python: papers.catalog.load(slug).claims, papers.evidence.judge_paper(paper, records)",
)
@click.argument("slug", shell_complete=complete_slugs)
@click.argument("claim", required=False, shell_complete=complete_claims)
@format_option
def command(slug: str, claim: str | None, output_format: str) -> int:
    """Show a paper's claims with verdicts, or one in full.

    For each claim: the paper's value, ours, the verdict and its reason.

    \b
    Examples:
      papers claims lenet
      papers claims lenet L6
      papers claims lenet --format json
    """
    from cli.verdicts import claim_document, print_verdicts, verdict_counts_text
    from papers import catalog, evidence

    paper = catalog.load(slug)
    if claim is not None:
        chosen = paper.claim(claim)
        result = evidence.judge(chosen, evidence.published_records(paper))
        if output_format == "json":
            print_json(claim_document(result))
        else:
            print_claim(result)
        return FINISHED
    results = evidence.judge_paper(paper, evidence.published_records(paper))
    if output_format == "json":
        print_json([claim_document(result) for result in results])
        return FINISHED
    print_verdicts(results)
    click.echo(f"\n{counted(len(results), 'claim')}: {verdict_counts_text(results)}")
    print_prose(f"The rule, its reason and the evidence of one claim: papers claims {slug} {results[0].claim.id}")
    return FINISHED


def print_claim(result: ClaimResult) -> None:
    """Print all there is to know about one claim."""
    from cli.output import verdict_text
    from papers.evidence import format_accepted, format_result, format_value

    claim = result.claim
    print_title(f"{claim.id} · {verdict_text(str(result.verdict))}")
    print_prose(claim.statement)
    click.echo()
    tested = f"{claim.experiment}, at scale {claim.scale} or above" if claim.experiment else ""
    print_pairs(
        [
            ("where", claim.where),
            ("source", SOURCES[claim.source]),
            ("verdict", result.reason),
            ("tested by", tested),
            ("rule because", claim.reason),
            ("amended", claim.amended),
            ("record", shown_path(result.record.path) if result.record and result.record.path else ""),
        ]
    )
    if claim.criteria:
        print_heading("Criteria")
        measured = {item.criterion.metric: item for item in result.criteria}
        print_table(
            ["metric", "paper", "here", "accepted", "seeds"],
            [
                [
                    criterion.metric,
                    format_value(criterion.paper, criterion.unit),
                    format_result(measured[criterion.metric]) if criterion.metric in measured else "–",
                    format_accepted(criterion) if claim.experiment else "–",
                    str(criterion.seeds),
                ]
                for criterion in claim.criteria
            ],
            indent=2,
        )
    if claim.experiment and claim.scale:
        print_heading("Run it again")
        click.echo(f"  papers reproduce {claim.slug} --claim {claim.id} --scale {claim.scale}")


SOURCES = {
    "verified": "independent readings of the paper agree on it",
    "arithmetic": "follows by arithmetic",
    "second-hand": "second-hand: from other people's notes of the paper",
    "unverified": "unverified: not yet checked against the paper",
}
