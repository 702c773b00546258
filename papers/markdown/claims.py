"""The claims of a paper: what it says, what was measured here, what follows, and the receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, SubElement

from papers.evidence import (
    ClaimResult,
    CriterionResult,
    Record,
    Verdict,
    format_accepted,
    format_result,
    format_value,
)
from papers.markdown.context import Context, Evidence
from papers.markdown.tables import Cell, element, nothing, plain

_COLUMNS = ("Metric", "Paper", "Accepted", "Here", "Verdict")


def claims(context: Context, slug: str) -> Iterator[Element]:
    """The table of claims, and before it how they stand in all."""
    evidence = context.evidence(slug)
    if not evidence.results:
        yield nothing("None yet.")
        return
    yield element("p", tally(evidence.results))
    table = element("table", class_="claims")
    head = SubElement(SubElement(table, "thead"), "tr")
    head.extend(element("th", plain(column), scope="col") for column in _COLUMNS)
    table.extend(_claim(result, evidence) for result in evidence.results)
    label = f"Claims of {evidence.paper.name}"
    yield element("div", table, class_="scroll", role="region", aria_label=label, tabindex="0")


def tally(results: Iterable[ClaimResult]) -> Element:
    """How many claims have which verdict."""
    counts = Counter(result.verdict for result in results)
    badges = [badge(verdict, f"{counts[verdict]} {verdict}") for verdict in Verdict if counts[verdict]]
    return element("span", badges, class_="tally")


def badge(verdict: Verdict, text: str = "") -> Element:
    """A verdict, coloured by the style sheet; the words say it as well."""
    return element("span", plain(text or verdict), class_=f"verdict {verdict.replace(' ', '-')}")


def _claim(result: ClaimResult, evidence: Evidence) -> Element:
    claim = result.claim
    heading: list[Cell] = [
        element("a", plain(claim.id), href=f"#{claim.id}", class_="claim-id"),
        element("span", claim.statement, class_="statement"),
        element("span", plain(claim.where), class_="where"),
    ]
    if claim.source != "verified":
        heading.append(element("span", plain(f"the paper's value is {claim.source}"), class_="where"))
    if len(claim.criteria) > 1:
        heading.append(badge(result.verdict))
    rows = [element("tr", element("th", heading, scope="rowgroup", colspan=str(len(_COLUMNS))), class_="claim")]
    rows += list(_criteria(result))
    rows.append(element("tr", element("td", list(_receipt(result, evidence)), colspan=str(len(_COLUMNS)))))
    rows[-1].set("class", "receipt")
    return element("tbody", rows, id=claim.id)


def _criteria(result: ClaimResult) -> Iterator[Element]:
    """One row a criterion: judged, or not yet, or stated only."""
    measured: dict[str, CriterionResult] = {item.criterion.metric: item for item in result.criteria}
    if not result.claim.criteria:
        yield _row(plain("–"), plain("–"), plain("–"), plain("–"), badge(result.verdict))
    for criterion in result.claim.criteria:
        item = measured.get(criterion.metric)
        stated = result.verdict == Verdict.OUT_OF_REACH
        yield _row(
            element("code", plain(criterion.metric)),
            plain("–" if criterion.paper is None else format_value(criterion.paper, criterion.unit, None)),
            plain("–" if stated else format_accepted(criterion)),
            plain(format_result(item) if item and item.mean is not None else "–"),
            badge(item.verdict if item else result.verdict),
        )


def _row(*cells: Cell) -> Element:
    first, *others = cells
    columns = zip(_COLUMNS[1:], others, strict=True)
    data = (element("td", cell, data_label=column) for column, cell in columns)
    return element("tr", [element("th", first, scope="row"), *data], class_="criterion")


def _receipt(result: ClaimResult, evidence: Evidence) -> Iterator[Element]:
    """Why the verdict, why the rule, and what it rests on."""
    yield element("p", plain(_sentence(result.reason)))
    if result.claim.reason:
        yield element("p", f"The rule: {result.claim.reason}", class_="rule")
    if result.record:
        yield element("p", _record(result.record, evidence), class_="record")


def _record(record: Record, evidence: Evidence) -> list[Cell]:
    parts: list[Cell] = [
        plain("Record: "),
        element("a", plain(record.experiment), href=f"#experiment-{record.experiment}"),
        plain(f" at scale {record.scale}, {receipt(record)}."),
    ]
    if record.checksum in evidence.stale:
        parts.append(element("span", plain(f"stale: {evidence.stale[record.checksum]}"), class_="stale"))
    return parts


def receipt(record: Record) -> str:
    """`3 seeds, 14 minutes on cpu, 2026-11-21, version 0.1.0`."""
    seeds = f"{len(record.seeds)} seed{'s' if len(record.seeds) > 1 else ''}"
    seconds, memory = record.cost.get("seconds"), record.cost.get("peak_memory_mb")
    cost = f"{duration(seconds)} on {record.device}" if seconds is not None else record.device
    used = f", {memory:,.0f} MB" if memory is not None else ""
    return f"{seeds}, {cost}{used}, {record.moment:%Y-%m-%d}, version {record.code.version}"


def duration(seconds: float) -> str:
    """`0.4 seconds`, `3 minutes`, `2.5 hours`: two digits are enough to know what to expect."""
    for unit, length in (("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= length or unit == "second":
            amount = seconds / length
            shown = f"{amount:.0f}" if amount >= 10 else f"{amount:.1f}".removesuffix(".0")
            return f"{shown} {unit}{'' if shown == '1' else 's'}"
    return ""


def _sentence(text: str) -> str:
    """Begin with a capital and end with a stop; a sentence that begins with a metric's name keeps it as it is."""
    first = text.partition(" ")[0]
    start = text[:1] if "_" in first else text[:1].upper()
    return start + text[1:].rstrip(".") + "." if text else ""
