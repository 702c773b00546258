"""What each experiment is run with: every value, what the paper has, and where the value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from papers.catalog import SCALES, Setting
from papers.markdown.context import Context
from papers.markdown.tables import Cell, element, nothing, plain, table
from papers.schema import Value


def settings(context: Context, slug: str) -> Iterator[Element]:
    """One table an experiment."""
    paper = context.evidence(slug).paper
    for experiment in paper.experiments:
        parts: list[Cell] = [element("summary", [element("strong", plain(experiment.name)), f" {experiment.title}"])]
        if experiment.settings:
            scales = [scale for scale in SCALES if scale in experiment.scales]
            headings = ("Setting", "Meaning", "Paper", *scales, "Where the value comes from")
            rows = ((f"setting-{experiment.name}-{s.name}", _row(s, scales)) for s in experiment.settings.values())
            parts.append(table(headings, rows, f"Settings of {experiment.name}"))
        else:
            parts.append(nothing("It has nothing to set."))
        yield element("details", parts, class_="setting")


def _row(setting: Setting, scales: Sequence[str]) -> list[Cell]:
    values: list[Cell] = [plain(show(setting.values[s]) if s in setting.values else "–") for s in scales]
    paper = plain("–" if setting.paper is None else show(setting.paper))
    return [element("code", plain(setting.name)), setting.meaning, paper, *values, _source(setting)]


def _source(setting: Setting) -> Element:
    """The place in the paper, and links to the question or departures behind the value."""
    parts: list[Cell] = [plain(setting.where)] if setting.where else []
    links = [("question", setting.question)] if setting.question else []
    links += [("departure", name) for name in dict.fromkeys(setting.departures.values())]
    for kind, name in links:
        parts += [element("a", plain(f"{kind} {name}"), href=f"#{kind}-{name}", class_="source")]
    return element("span", parts)


def show(value: Value) -> str:
    """Write a setting's value: lists item by item, truth values in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(show(item) for item in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
