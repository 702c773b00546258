"""The curves of a paper's records: drawn from the data, with the data beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from xml.etree.ElementTree import Element

from markdown.util import AtomicString

from papers.catalog import SCALES
from papers.evidence import Curve, Record, Series
from papers.markdown.claims import receipt
from papers.markdown.context import Context, Evidence
from papers.markdown.svg import Line, line_chart, number
from papers.markdown.tables import element, nothing, plain, table

Points = list[tuple[float, float]]


def curves(context: Context, slug: str) -> Iterator[Element]:
    """The curves of the records that count: of each experiment the newest at its highest scale.

    A curve of something that is also a metric is shown; what merely accompanies it, such as a loss, is folded away.
    """
    evidence = context.evidence(slug)
    folded = []
    drawn = False
    for record in _that_count(evidence):
        for name, curve in sorted(record.result.curves.items()):
            if any(_finite(series) for series in curve.series):
                drawn = True
                figure = _figure(context, evidence, record, name, curve)
                if any(metric.startswith(name) for metric in record.result.metrics):
                    yield figure
                else:
                    folded.append(figure)
    if folded:
        yield element("details", [element("summary", plain("Losses, step sizes and the like")), *folded])
    if not drawn:
        yield nothing("No record with curves has been published yet.")


def _that_count(evidence: Evidence) -> Iterator[Record]:
    newest = []
    for experiment in evidence.paper.experiments:
        own = [r for r in evidence.records if r.experiment == experiment.name and r.status == "finished"]
        if own:
            newest.append(max(own, key=lambda record: (SCALES.index(record.scale), record.moment, record.name)))
    yield from sorted(newest, key=lambda record: -SCALES.index(record.scale))


def _finite(series: Series) -> Points:
    """The points that have both numbers."""
    return [(x, y) for x, y in series.points if x is not None and y is not None]


def _figure(context: Context, evidence: Evidence, record: Record, name: str, curve: Curve) -> Element:
    title = next(e.title for e in evidence.paper.experiments if e.name == record.experiment)
    stated = _stated(evidence, record, name)
    svg = line_chart(
        _lines(curve, stated),
        f"{title}: {curve.y} over {curve.x}",
        _description(curve, stated),
        curve.x,
        curve.y,
        f"curve-{evidence.paper.slug}-{record.experiment}-{name}".replace("/", "-").replace("_", "-"),
    )
    chart = element("div", AtomicString(context.md.htmlStash.store(svg)), class_="chart-frame")
    caption = element(
        "figcaption",
        [
            element("a", plain(record.experiment), href=f"#experiment-{record.experiment}"),
            plain(f": {name.replace('_', ' ')}. Scale {record.scale}, {receipt(record)}."),
        ],
    )
    return element("figure", [chart, caption, _data(curve)], class_="curve")


def _stated(evidence: Evidence, record: Record, name: str) -> list[float]:
    """What the paper gives for the metric that the curve shows."""
    criteria = (c for claim in evidence.paper.claims if claim.experiment == record.experiment for c in claim.criteria)
    return sorted({float(c.paper) for c in criteria if c.metric == name and c.paper is not None})


def _arms(curve: Curve) -> dict[str, list[Series]]:
    arms: dict[str, list[Series]] = {}
    for series in curve.series:
        if _finite(series):
            arms.setdefault(series.arm, []).append(series)
    return arms


def _mean(series: Sequence[Series]) -> Points:
    """The mean over seeds, at each x that all of them have."""
    by_x = [dict(_finite(one)) for one in series]
    shared = set(by_x[0]).intersection(*by_x[1:])
    return [(x, fmean(points[x] for points in by_x)) for x in sorted(shared)]


def _lines(curve: Curve, stated: Sequence[float]) -> list[Line]:
    """Thin lines for the seeds, a thick one for their mean, a dashed one for the paper's value."""
    lines: list[Line] = []
    arms = _arms(curve)
    for index, (arm, series) in enumerate(arms.items()):
        if len(series) > 1:
            lines += [Line(_finite(one), f"seed arm-{index % 6}") for one in series]
        lines.append(Line(_mean(series), f"mean arm-{index % 6}", arm.replace("_", " ") or curve.y))
    across = [x for series in curve.series for x, _ in _finite(series)]
    lines += [Line([(min(across), v), (max(across), v)], "stated", f"the paper: {number(v)}") for v in stated]
    return [line for line in lines if line.points]


def _description(curve: Curve, stated: Sequence[float]) -> str:
    """What the curve shows, in words: where each arm begins and ends."""
    sentences = []
    for arm, series in _arms(curve).items():
        mean = _mean(series)
        if mean:
            seeds = f", mean of {len(series)} seeds," if len(series) > 1 else ""
            (first_x, first_y), (last_x, last_y) = mean[0], mean[-1]
            sentences.append(
                f"{arm or curve.y}{seeds} goes from {number(first_y)} at {number(first_x)} "
                f"to {number(last_y)} at {number(last_x)}."
            )
    sentences += [f"The paper gives {number(value)}." for value in stated]
    return " ".join(sentences)


def _data(curve: Curve) -> Element:
    """The same as a table: a row for each x, a column for each arm and seed."""
    columns = [(series, dict(_finite(series))) for series in curve.series if _finite(series)]
    across = sorted({x for _, points in columns for x in points})
    headings = [curve.x, *(_name(series) for series, _ in columns)]
    rows = (
        ("", [plain(number(x)), *(plain(number(points[x]) if x in points else "–") for _, points in columns)])
        for x in across
    )
    return element("details", [element("summary", plain("The data")), table(headings, rows, f"Data of {curve.y}")])


def _name(series: Series) -> str:
    arm = series.arm.replace("_", " ")
    return (
        ", ".join(part for part in (arm, f"seed {series.seed}" if series.seed is not None else "") if part) or "value"
    )
