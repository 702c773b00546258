"""What a reproduction would run, worked out without importing torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from papers import catalog
from papers.catalog import SCALES, Claim, Experiment, Paper
from papers.errors import UserError


@dataclass(frozen=True)
class PlannedRun:
    """One experiment that is to be run.

    Attributes:
        paper: The paper's slug.
        experiment: The experiment's name.
        scale: `smoke`, `small` or `full`.
        seeds: The seeds, one after the other or side by side.
        data: The data sets it reads.
        duration: How long it takes, in the words of the catalogue.
        shows: What this scale can show.
        cannot_show: What it cannot.
        claims: The ids of the claims that its record can settle.
        folder: Where its runs go, a folder each.
    """

    paper: str
    experiment: str
    scale: str
    seeds: tuple[int, ...]
    data: tuple[str, ...]
    duration: str
    shows: str
    cannot_show: str
    claims: tuple[str, ...]
    folder: Path


def plan(
    slug: str,
    *,
    experiments: Sequence[str] | None = None,
    claims: Sequence[str] | None = None,
    scale: str = "smoke",
    seeds: Sequence[int] | None = None,
    out: Path = Path("runs"),
) -> list[PlannedRun]:
    """Decide which experiments to run, in the order of the catalogue.

    Args:
        slug: The paper.
        experiments: Names of experiments; all that have this scale if neither these nor claims are given.
        claims: Ids of claims; the experiments that test them are run, at the scale that they need if that is larger.
        scale: `smoke`, `small` or `full`.
        seeds: The seeds; by default as many as the experiment wants at this scale, counted from 0.
        out: The folder under which runs go.

    Raises:
        UserError: If a name is unknown, an experiment does not have the scale, or a claim is out of reach.
    """
    paper = catalog.load(slug)
    if scale not in SCALES:
        raise UserError(f"there is no scale '{scale}': give smoke, small or full")
    if seeds is not None and (not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0):
        raise UserError("give at least one seed, each once, none negative")
    wanted: dict[str, str] = {}
    order: list[str] = list(SCALES)
    for name in experiments or ():
        wanted[_experiment(paper, name, scale).name] = scale
    for identifier in claims or ():
        claim = _claim(paper, identifier)
        needed = max(scale, str(claim.scale), key=order.index)
        wanted[_experiment(paper, str(claim.experiment), needed).name] = needed
    if not experiments and not claims:
        wanted = {experiment.name: scale for experiment in paper.experiments if scale in experiment.scales}
        if not wanted:
            raise UserError(f"no experiment of {slug} runs at the scale '{scale}'")
    return [
        _planned(paper, experiment, wanted[experiment.name], seeds, out)
        for experiment in paper.experiments
        if experiment.name in wanted
    ]


def _planned(paper: Paper, experiment: Experiment, scale: str, seeds: Sequence[int] | None, out: Path) -> PlannedRun:
    size = experiment.scales[scale]
    order: list[str] = list(SCALES)
    settled = (
        claim.id
        for claim in paper.claims
        if claim.experiment == experiment.name and order.index(str(claim.scale)) <= order.index(scale)
    )
    return PlannedRun(
        paper=paper.slug,
        experiment=experiment.name,
        scale=scale,
        seeds=tuple(seeds if seeds is not None else range(size.seeds)),
        data=size.data,
        duration=size.duration,
        shows=size.shows,
        cannot_show=size.cannot_show,
        claims=tuple(settled),
        folder=out / paper.slug / f"{experiment.name}-{scale}",
    )


def _experiment(paper: Paper, name: str, scale: str) -> Experiment:
    experiment = next((experiment for experiment in paper.experiments if experiment.name == name), None)
    if experiment is None:
        names = [experiment.name for experiment in paper.experiments]
        meant = catalog.did_you_mean(name, names)
        raise UserError(f"{paper.slug} has no experiment '{name}'{meant}; it has {', '.join(names)}")
    if scale not in experiment.scales:
        raise UserError(
            f"the experiment '{name}' of {paper.slug} has no scale '{scale}', only {', '.join(experiment.scales)}"
        )
    return experiment


def _claim(paper: Paper, identifier: str) -> Claim:
    claim = next((claim for claim in paper.claims if claim.id.lower() == identifier.lower()), None)
    if claim is None:
        meant = catalog.did_you_mean(identifier, [claim.id for claim in paper.claims])
        raise UserError(f"{paper.slug} has no claim '{identifier}'{meant}; 'papers claims {paper.slug}' lists them")
    if claim.out_of_reach:
        raise UserError(f"claim {claim.id} of {paper.slug} is out of reach: {claim.out_of_reach}")
    return claim
