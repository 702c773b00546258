"""`papers reproduce`: run experiments, judge the claims that they test. The only command that imports PyTorch."""

from __future__ import annotations

import gc
import shlex
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.completion import complete_claims, complete_experiments, complete_slugs
from cli.output import (
    complain,
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
from cli.status import FINISHED, INTERRUPTED, NOT_REPRODUCED, RUN_FAILED

if TYPE_CHECKING:
    from implementations.planning import PlannedRun
    from implementations.reproduce import Outcome
    from papers.catalog import Paper
    from papers.evidence import ClaimResult, Record

SCALES = ("smoke", "small", "full")  # as papers.catalog.SCALES; a test compares
METRICS_SHOWN = 12  # of a run that settles no claim; the record has them all


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    slug: str
    experiments: tuple[str, ...]
    claims: tuple[str, ...]
    scale: str
    device: str
    seeds: tuple[int, ...] | None
    data_dir: Path | None
    out: Path

    def command_line(self, *more: str) -> str:
        """Return the command that asks for this again."""
        words = [word for name in self.experiments for word in ("--experiment", name)]
        words += [word for name in self.claims for word in ("--claim", name)]
        words += [word for seed in self.seeds or () for word in ("--seed", str(seed))]
        return self._command(self.scale, *words, *more)

    def everything_at(self, scale: str) -> str:
        """Return the command that runs all experiments of a scale, on the same device and data."""
        return self._command(scale)

    def _command(self, scale: str, *more: str) -> str:
        words = ["papers", "reproduce", self.slug, "--scale", scale]
        words += ["--device", self.device] if self.device != "auto" else []
        words += ["--data-dir", str(self.data_dir)] if self.data_dir else []
        words += ["--out", str(self.out)] if self.out != Path("runs") else []
        return shlex.join([*words, *more])


@click.command(name="reproduce", epilog="From Python: implementations.reproduce.reproduce(slug, scale=..., ...)")
@click.argument("slug", shell_complete=complete_slugs)
@click.option(
    "--experiment",
    "experiments",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_experiments,
    help="Run this experiment; may be repeated. All that have the scale, if neither this nor --claim is given.",
)
@click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="ID",
    shell_complete=complete_claims,
    help="Run what settles this claim, at the scale that it needs if that is larger; may be repeated.",
)
@click.option(
    "--scale",
    type=click.Choice(SCALES),
    default="smoke",
    show_default=True,
    help="Seconds on embedded data; minutes on real data; or the paper's own protocol.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--seed", type=click.IntRange(min=0), multiple=True, metavar="N", help="Use this seed; may be repeated.")
@click.option("--seeds", type=click.IntRange(min=1), metavar="COUNT", help="Use the seeds 0 to COUNT - 1.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIRECTORY",
    help="Look for data sets here first.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    metavar="DIRECTORY",
    help="Where runs go.",
)
@click.option("--resume", is_flag=True, help="Go on with what was interrupted; the result has the same bytes.")
@click.option("--dry-run", is_flag=True, help="Say what would run, for how long and on what, and do nothing.")
@format_option
def command(
    slug: str,
    experiments: tuple[str, ...],
    claims: tuple[str, ...],
    scale: str,
    device: str,
    seed: tuple[int, ...],
    seeds: int | None,
    data_dir: Path | None,
    out: Path,
    resume: bool,
    dry_run: bool,
    output_format: str,
) -> int:
    """Run a paper's experiments and judge its claims.

    Writes a record of each run, which `papers publish` puts where the site reads it. Ctrl-C saves the run and says how
    to go on. Exits with 0 if all claims that were tested are reproduced, 1 if one is not (or is inconclusive), and 3
    if a run failed.

    \b
    Examples:
      papers reproduce lenet
      papers reproduce lenet --scale small --seeds 3 --device cuda
      papers reproduce lenet --claim L6 --dry-run
      papers reproduce lenet --experiment structure --format json
    """
    from implementations.planning import plan

    if seed and seeds is not None:
        raise click.UsageError("Give either --seed, for certain seeds, or --seeds, for how many; not both.")
    chosen = seed or (tuple(range(seeds)) if seeds is not None else None)
    request = Request(slug, experiments, claims, scale, device, chosen, data_dir, out)
    runs = plan(slug, experiments=experiments, claims=claims, scale=scale, seeds=chosen, out=out)
    if dry_run:
        show_plan(request, runs, output_format)
        return FINISHED
    return run_and_judge(request, resume, output_format)


def show_plan(request: Request, runs: Sequence[PlannedRun], output_format: str) -> None:
    """Print what would run."""
    from implementations.data.sources import verify

    data = {name: verify(name, request.data_dir) for name in dict.fromkeys(name for run in runs for name in run.data)}
    if output_format == "json":
        print_json({"runs": runs, "data": data})
        return
    for number, run in enumerate(runs):
        (print_heading if number else print_title)(f"{run.experiment}, at scale {run.scale}")
        print_pairs(
            [
                ("takes", run.duration),
                ("seeds", ", ".join(map(str, run.seeds))),
                ("data", ", ".join(run.data) or "none"),
                ("shows", run.shows),
                ("cannot show", run.cannot_show),
                ("settles", ", ".join(run.claims) or "no claim"),
                ("record in", shown_path(run.folder)),
            ],
            indent=2,
        )
    if data:
        print_heading("Data")
        for name, found in data.items():
            state = "found in" if found.ok else "damaged in" if found.damaged else "not found; would be downloaded to"
            print_prose(f"{name}: {state} {found.directory} ({found.how})", indent=2, hanging=4)
    click.echo("\nNothing was run. To run it:")
    click.echo(f"  {request.command_line()}")


def run_and_judge(request: Request, resume: bool, output_format: str) -> int:
    """Run, print the verdicts, and return the exit status."""
    from cli.progress import ProgressLine
    from papers import catalog, evidence
    from papers.errors import UserError

    gc.enable()
    try:
        from implementations.reproduce import Interrupted, reproduce
    except ModuleNotFoundError as missing:
        if missing.name not in ("torch", "numpy"):
            raise
        remedy = "`pip install -c constraints.txt -e .` installs all that a run needs"
        raise UserError(f"{missing.name} is not installed; {remedy}") from missing
    try:
        with closing(ProgressLine()) as progress:
            outcomes = reproduce(
                request.slug,
                experiments=request.experiments,
                claims=request.claims,
                scale=request.scale,
                device=request.device,
                seeds=request.seeds,
                data_dir=request.data_dir,
                out=request.out,
                resume=resume,
                progress=progress,
            )
    except Interrupted as interrupted:
        complain(f"interrupted; saved in {shown_path(interrupted.directory)}. To go on:")
        click.echo(f"  {request.command_line('--resume')}", err=True)
        return INTERRUPTED
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return RUN_FAILED
    paper = catalog.load(request.slug)
    results = evidence.judge_paper(paper, [outcome.record for outcome in outcomes])
    judged = [result for result in results if result.record is not None]
    if request.claims and not request.experiments:
        asked = {name.lower() for name in request.claims}
        judged = [result for result in judged if result.claim.id.lower() in asked]
    remaining = [result for result in results if result.record is None]
    if output_format == "json":
        print_json(outcome_document(request, outcomes, judged, remaining))
    else:
        show_outcome(request, paper, outcomes, judged, remaining)
    return exit_status(outcomes, judged)


def exit_status(outcomes: Sequence[Outcome], judged: Sequence[ClaimResult]) -> int:
    """Return 3 if a run failed, 1 if a claim is not reproduced or is inconclusive, else 0."""
    from papers.evidence import Verdict

    verdicts = {result.verdict for result in judged}
    if Verdict.ERROR in verdicts or any(outcome.status == "error" for outcome in outcomes):
        return RUN_FAILED
    return NOT_REPRODUCED if verdicts - {Verdict.REPRODUCED} else FINISHED


def show_outcome(
    request: Request,
    paper: Paper,
    outcomes: Sequence[Outcome],
    judged: Sequence[ClaimResult],
    remaining: Sequence[ClaimResult],
) -> None:
    """Print what the runs found, the verdicts, what is left, and where the records are."""
    from cli.verdicts import print_verdicts, verdict_counts_text

    settled = {result.claim.experiment for result in judged}
    for outcome in outcomes:
        if outcome.status == "error":
            complain(f"{outcome.experiment} failed: {outcome.record.error}")
        elif outcome.experiment not in settled:
            print_metrics(paper, outcome.record)
    if judged:
        print_heading(f"{paper.name}: {counted(len(judged), 'claim')} tested")
        print_verdicts(judged)
        click.echo(f"\n{verdict_counts_text(judged)}")
    for sentence, remedy in what_is_left(request, remaining):
        click.echo(f"{sentence}\n  {remedy}")
    click.echo(f"{counted(len(outcomes), 'record')}, to be looked at, or published with papers publish RECORD:")
    for outcome in outcomes:
        click.echo(f"  {shown_path(outcome.record_path)}")


def print_metrics(paper: Paper, record: Record) -> None:
    """Print what a run measured that settles no claim."""
    from papers.evidence import format_measured

    experiment = paper.experiment(record.experiment)
    print_heading(f"{experiment.title}, at scale {record.scale}: no claim is tested")
    print_prose(f"Shows {experiment.scales[record.scale].shows}.", indent=2)
    units = {criterion.metric: criterion.unit for claim in paper.claims for criterion in claim.criteria}
    metrics = record.result.metrics.items()
    rows = [[name, format_measured(values, units.get(name, ""))] for name, values in metrics]
    print_table(["metric", "here"], rows[:METRICS_SHOWN], indent=2)
    if len(rows) > METRICS_SHOWN:
        print_prose(f"and {len(rows) - METRICS_SHOWN} more in the record", indent=2)


def what_is_left(request: Request, remaining: Sequence[ClaimResult]) -> list[tuple[str, str]]:
    """Say how many claims were not tested, each time with the command that tests them or tells more."""
    left = []
    for scale in SCALES:
        count = sum(result.claim.scale == scale for result in remaining)
        if count:
            larger = SCALES.index(scale) > SCALES.index(request.scale)
            need = "a larger scale" if larger else "other experiments"
            left.append((f"{counted(count, 'claim')} more with {need}:", request.everything_at(scale)))
    out_of_reach = sum(result.claim.scale is None for result in remaining)
    if out_of_reach:
        left.append((f"{counted(out_of_reach, 'claim')} out of reach here, and why:", f"papers claims {request.slug}"))
    return left


def outcome_document(
    request: Request, outcomes: Sequence[Outcome], judged: Sequence[ClaimResult], remaining: Sequence[ClaimResult]
) -> dict[str, Any]:
    """Return runs, verdicts and what is left as plain data."""
    from cli.verdicts import claim_document

    return {
        "paper": request.slug,
        "runs": [
            {
                "experiment": outcome.experiment,
                "scale": outcome.record.scale,
                "seeds": outcome.record.seeds,
                "status": outcome.status,
                "error": outcome.record.error,
                "metrics": outcome.record.result.metrics,
                "record": str(outcome.record_path),
            }
            for outcome in outcomes
        ],
        "claims": [claim_document(result) for result in judged],
        "not_tested": [
            {"id": result.claim.id, "scale": result.claim.scale, "out_of_reach": result.claim.out_of_reach}
            for result in remaining
        ],
    }
