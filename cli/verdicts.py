"""How verdicts are shown: the table of claims for people, and the same as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import click

from cli.output import GAP, line_width, verdict_text, wrap_text

if TYPE_CHECKING:
    from papers.evidence import ClaimResult

INDENT = 4  # what belongs to a claim stands under its statement, right of its name


def print_verdicts(results: Sequence[ClaimResult]) -> None:
    """Print claim, paper, here, verdict and reason: the statement, a line a criterion, and why.

    The columns are the same for all claims, so that values can be compared down the page.
    """
    rows = {result.claim.id: _rows(result) for result in results}
    if not rows:
        return
    header = ("claim", "paper", "here", "verdict")
    cells = [row for of_claim in rows.values() for row in of_claim]
    widths = [max(len(row[column]) for row in [header, *cells]) for column in range(len(header))]
    width = line_width()
    click.echo(click.style(_line(header, [INDENT + widths[0], *widths[1:]]), bold=True))
    click.echo("-" * min(width, INDENT + sum(widths) + GAP * (len(widths) - 1)))
    for result in results:
        name = result.claim.id.ljust(INDENT - 1) + " "
        statement = wrap_text(f"{result.claim.statement} ({result.claim.where})", width, name, " " * INDENT)
        click.echo("\n".join(statement))
        for row in rows[result.claim.id]:
            click.echo(" " * INDENT + _line(row, widths))
        of_all = f"{result.verdict}: " if len(result.criteria) > 1 else ""
        reason = wrap_text(of_all + result.reason, width, " " * INDENT, " " * INDENT)
        click.echo(click.style("\n".join(reason), dim=True))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (verdict_text(cell) + " " * (width - len(cell)) for cell, width in zip(row, widths, strict=True))
    return (" " * GAP).join(cells).rstrip()


def _rows(result: ClaimResult) -> list[tuple[str, str, str, str]]:
    """Return metric, the paper's value, ours and the verdict, a row a criterion; at least one row."""
    from papers.evidence import format_result, format_value

    if result.criteria:
        return [
            (
                item.criterion.metric,
                format_value(item.criterion.paper, item.criterion.unit),
                format_result(item),
                str(item.verdict),
            )
            for item in result.criteria
        ]
    verdict = str(result.verdict)
    stated = [(item.metric, format_value(item.paper, item.unit)) for item in result.claim.criteria]
    return [(metric, paper, "–", verdict) for metric, paper in stated] or [("", "–", "–", verdict)]


def count_verdicts(results: Sequence[ClaimResult]) -> dict[str, int]:
    """Return how many claims have each verdict, in the order of the verdicts, without those that none has."""
    from papers.evidence import Verdict

    counts = Counter(result.verdict for result in results)
    return {str(verdict): counts[verdict] for verdict in Verdict if counts[verdict]}


def verdict_counts_text(results: Sequence[ClaimResult]) -> str:
    """Return `12 reproduced, 1 not reproduced`, in colour."""
    return ", ".join(f"{count} {verdict_text(verdict)}" for verdict, count in count_verdicts(results).items())


def claim_document(result: ClaimResult) -> dict[str, Any]:
    """Return a claim with its verdict and evidence as plain data."""
    from papers.schema import as_data

    document = cast("dict[str, Any]", as_data(result.claim))
    measured = {item.criterion.metric: item for item in result.criteria}
    for criterion in document["criteria"]:
        item = measured.get(criterion["metric"])
        if item is not None:
            criterion |= {
                "values": list(item.values),
                "mean": item.mean,
                "interval": [item.low, item.high],
                "verdict": str(item.verdict),
                "why": item.reason,
            }
    return document | {
        "verdict": str(result.verdict),
        "why": result.reason,
        "record": str(result.record.path) if result.record and result.record.path else None,
    }
