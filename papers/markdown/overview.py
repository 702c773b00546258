"""What a paper is at a glance: its header, how to run it, and the cards of all papers."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from papers import catalog
from papers.bibliography import format_entry
from papers.catalog import SCALES, Paper, Scale
from papers.markdown.citations import citation
from papers.markdown.claims import tally
from papers.markdown.context import Context
from papers.markdown.tables import Cell, element, nothing, plain, table


def header(context: Context, slug: str) -> Iterator[Element]:
    """The reference, what it is about, what it builds on, and how its claims stand."""
    evidence = context.evidence(slug)
    paper = evidence.paper
    yield element("p", paper.tagline, class_="tagline")
    entry = context.works.find(paper.key)
    yield element("p", format_entry(entry, "markdown", context.works.year_suffix(paper.key)), class_="reference")
    if paper.builds_on:
        works = citation([(key, "") for key in paper.builds_on], context, brackets=False)
        yield element("p", [plain("Builds on "), works])
    if paper.tags:
        yield element("p", [element("span", plain(tag), class_="tag") for tag in paper.tags], class_="tags")
    if evidence.results:
        yield element("p", [element("a", tally(evidence.results), href="#claims")])


def reproduce(context: Context, slug: str) -> Iterator[Element]:
    """The commands, and what each experiment shows at each scale."""
    paper = context.evidence(slug).paper
    commands = [f"papers reproduce {slug}"]
    scales = [scale for scale in SCALES[1:] if any(scale in e.scales for e in paper.experiments)]
    commands += [f"papers reproduce {slug} --scale {scale}" for scale in scales]
    code = element("code", plain("\n".join(commands) + "\n"))
    yield element("div", element("pre", code), class_="highlight")
    if not paper.experiments:
        yield nothing("There is no experiment yet.")
    for experiment in paper.experiments:
        yield element("h3", plain(experiment.title), id=f"experiment-{experiment.name}")
        yield element("p", [element("code", plain(experiment.name)), f" {experiment.what}"])
        yield table(
            ("Scale", "Data", "Seeds", "Takes", "Shows", "Cannot show"),
            (("", _scale(experiment.scales[scale])) for scale in SCALES if scale in experiment.scales),
            f"Scales of {experiment.name}",
        )


def _scale(scale: Scale) -> list[Cell]:
    data = plain(", ".join(scale.data) or "none")
    return [plain(scale.name), data, plain(scale.seeds), scale.duration, scale.shows, scale.cannot_show]


def cards(context: Context) -> Iterator[Element]:
    """One card a paper, linked to its page."""
    slugs = catalog.slugs(context.root / "papers")
    if not slugs:
        yield nothing("There is no paper yet.")
    else:
        yield element("ul", [_card(context, slug) for slug in slugs], class_="cards")


def _card(context: Context, slug: str) -> Element:
    evidence = context.evidence(slug)
    paper = evidence.paper
    return element(
        "li",
        [
            element("a", plain(paper.name), href=f"/papers/{slug}.md", class_="card-title"),
            element("span", plain(_by(context, paper)), class_="card-work"),
            element("span", paper.tagline, class_="card-tagline"),
            tally(evidence.results),
            element("code", plain(f"papers reproduce {slug}")),
        ],
    )


def _by(context: Context, paper: Paper) -> str:
    entry = context.works.find(paper.key)
    return f"{entry.short_authors}, {entry.year}. {entry.title}"
