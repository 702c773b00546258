"""`papers verify`: derive every published table and verdict again from the records."""

from __future__ import annotations

import click

from cli.completion import complete_slugs
from cli.output import complain, counted, format_option, print_json, print_prose
from cli.status import FINISHED, NOT_REPRODUCED


@click.command(name="verify", epilog="From Python: papers.evidence.verify(paper)")
@click.argument("slug", required=False, shell_complete=complete_slugs)
@click.option("--update", is_flag=True, help="Write the published tables anew from the records first.")
@click.option("--strict", is_flag=True, help="A stale record, whose code has changed since it ran, is a problem too.")
@format_option
def command(slug: str | None, update: bool, strict: bool, output_format: str) -> int:
    """Derive all published verdicts again from the records.

    Reads every published record, judges all claims anew, and compares with what is published. Needs neither the
    network nor PyTorch. Exits with 1 if a record is damaged or edited, or a table does not follow from the records. A
    record whose code has changed since it ran is marked as stale.

    \b
    Examples:
      papers verify
      papers verify lenet --strict
    """
    from cli.verdicts import claim_document, verdict_counts_text
    from papers import catalog, evidence

    papers = [catalog.load(slug)] if slug else catalog.load_all()
    if update:
        for paper in papers:
            evidence.write_verdicts(paper)
    reports = [evidence.verify(paper) for paper in papers]
    good = all(report.ok and not (strict and report.stale) for report in reports)
    if output_format == "json":
        print_json(
            [
                {
                    "slug": report.slug,
                    "ok": report.ok,
                    "records": [record.name for record in report.records],
                    "claims": [claim_document(result) for result in report.results],
                    "problems": report.problems,
                    "stale": [{"record": old.record.name, "why": old.reason} for old in report.stale],
                }
                for report in reports
            ]
        )
        return FINISHED if good else NOT_REPRODUCED
    for report in reports:
        for problem in report.problems:
            complain(str(problem))
        outcome = "everything published follows from them" if report.ok else counted(len(report.problems), "problem")
        print_prose(f"{report.slug}: {counted(len(report.records), 'record')} read, {outcome}.")
        click.echo(f"  {counted(len(report.results), 'claim')}: {verdict_counts_text(report.results)}")
        for old in report.stale:
            print_prose(f"stale: {old.record.name}: {old.reason}", indent=2, hanging=4)
    return FINISHED if good else NOT_REPRODUCED
