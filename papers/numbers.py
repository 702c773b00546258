"""Numbers in prose, by reference: `{=L6.paper}` becomes the figure that the data holds.

What can be referred to:

- `{=L6.paper}`, `{=L6.here}`, `{=L6.accepted}`, `{=L6.verdict}`: of a claim, what the paper says, what was measured,
  what would be accepted, and what follows;
- `{=L6.test_error.here}`: the same of one criterion of a claim that has several;
- `{=mnist.test_error}`: the mean of a metric over the seeds, from the newest published record of an experiment at its
  highest scale.

Code spans and fenced code are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from papers.bibliography import blank_code
from papers.catalog import SCALES, Paper
from papers.errors import Problem, UserError
from papers.evidence import (
    ClaimResult,
    CriterionResult,
    Record,
    Verdict,
    format_accepted,
    format_measured,
    format_result,
    format_value,
    judge,
)
from papers.schema import did_you_mean

REFERENCE = re.compile(r"\{=(?P<name>[^={}\n][^{}\n]*)\}")
ASPECTS = ("paper", "here", "accepted", "verdict")
NOT_RUN = "not run yet"


@dataclass(frozen=True)
class Reference:
    """One `{=...}` in a text.

    Attributes:
        name: What stands between `{=` and `}`.
        line: The line it stands on, counted from 1.
        start: Where it begins in the text.
        end: Where it ends.
    """

    name: str
    line: int
    start: int
    end: int


def references(text: str) -> Iterator[Reference]:
    """Find the references in a Markdown text, outside code."""
    prose = blank_code(text)
    for match in REFERENCE.finditer(prose):
        yield Reference(match["name"].strip(), prose.count("\n", 0, match.start()) + 1, *match.span())


def resolve(text: str, paper: Paper, records: Iterable[Record], path: Path | None = None) -> str:
    """Replace all references in a Markdown text.

    Args:
        text: The text.
        paper: The paper that it speaks of.
        records: The records to take the figures from.
        path: The file that the text comes from, for messages.

    Raises:
        UserError: With every reference to something that there is not.
    """
    records = list(records)
    pieces: list[str] = []
    problems: list[Problem] = []
    position = 0
    for reference in references(text):
        try:
            shown = look_up(reference.name, paper, records)
        except UserError as error:
            problems += [Problem(problem.message, path, reference.line) for problem in error.problems]
            continue
        pieces += [text[position : reference.start], shown]
        position = reference.end
    if problems:
        raise UserError(*problems)
    return "".join([*pieces, text[position:]])


def look_up(name: str, paper: Paper, records: Iterable[Record]) -> str:
    """Return what a reference stands for, such as `0.95 %` for `L6.paper`.

    Raises:
        UserError: If there is no such thing.
    """
    first, *rest = name.split(".")
    claim = next((claim for claim in paper.claims if claim.id == first), None)
    if claim is not None:
        return _of_claim(name, rest, judge(claim, records))
    experiment = next((known for known in paper.experiments if known.name == first), None)
    if experiment is not None and len(rest) == 1:
        return _of_experiment(name, first, rest[0], paper, records)
    if experiment is not None:
        raise UserError(f"{{={name}}} must name one metric of the experiment, as {{={first}.metric}}")
    known = [claim.id for claim in paper.claims] + [known.name for known in paper.experiments]
    raise UserError(f"{{={name}}} refers to no claim or experiment of {paper.slug}{did_you_mean(first, known)}")


def _of_claim(name: str, rest: list[str], result: ClaimResult) -> str:
    """What a reference to a claim or one of its criteria stands for."""
    claim = result.claim
    if not rest or rest[-1] not in ASPECTS or len(rest) > 2:
        aspects = ", ".join(f"{{={claim.id}.{aspect}}}" for aspect in ASPECTS)
        raise UserError(f"{{={name}}} is not a reference to a claim; write one of {aspects}")
    aspect, metrics = rest[-1], [criterion.metric for criterion in claim.criteria]
    if len(rest) == 2 and rest[0] not in metrics:
        raise UserError(f"{{={name}}}: claim {claim.id} has no metric `{rest[0]}`{did_you_mean(rest[0], metrics)}")
    if len(rest) == 1:
        if aspect == "verdict":
            return str(result.verdict)
        if len(metrics) != 1:
            many = f"several metrics; name one, as {{={claim.id}.{metrics[0]}.{aspect}}}" if metrics else "no metric"
            raise UserError(f"{{={name}}}: claim {claim.id} has {many}")
    index = metrics.index(rest[0]) if len(rest) == 2 else 0
    criterion = claim.criteria[index]
    if aspect == "paper":
        if criterion.paper is None:
            raise UserError(f"{{={name}}}: claim {claim.id} gives no value of the paper for `{criterion.metric}`")
        return format_value(criterion.paper, criterion.unit, None)
    if aspect == "accepted":
        return format_accepted(criterion)
    measured: CriterionResult | None = result.criteria[index] if result.criteria else None
    if aspect == "verdict":
        return str(measured.verdict if measured else result.verdict)
    if measured is not None and measured.mean is not None:
        return format_result(measured)
    return NOT_RUN if result.record is None and result.verdict == Verdict.INCONCLUSIVE else str(result.verdict)


def _of_experiment(name: str, experiment: str, metric: str, paper: Paper, records: Iterable[Record]) -> str:
    """What a reference to a metric of an experiment stands for."""
    own = [record for record in records if record.experiment == experiment and record.status == "finished"]
    if not own:
        return NOT_RUN
    record = max(own, key=lambda record: (SCALES.index(record.scale), record.moment, record.name))
    if metric not in record.result.metrics:
        meant = did_you_mean(metric, record.result.metrics)
        raise UserError(f"{{={name}}}: the record {record.name} has no metric `{metric}`{meant}")
    criteria = (criterion for claim in paper.claims if claim.experiment == experiment for criterion in claim.criteria)
    unit = next((criterion.unit for criterion in criteria if criterion.metric == metric), "")
    return format_measured(record.result.metrics[metric], unit)
