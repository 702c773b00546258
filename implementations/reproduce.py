"""Runs experiments and writes their records: what `papers reproduce` does, from Python."""

from __future__ import annotations

import importlib
import inspect
import os
import platform
import sys
import time
import traceback
import typing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy
import torch

import papers
from implementations.data import sources
from implementations.planning import PlannedRun, plan
from implementations.training.device import resolve_device
from implementations.training.session import Interrupted, Progress, Session, Silence, StopRequest
from papers import catalog
from papers.catalog import Paper
from papers.errors import Problem, UserError
from papers.evidence import Record, read_record, write_record
from papers.files import write_whole
from papers.fingerprint import fingerprint, package_name

__all__ = ["Interrupted", "Outcome", "PlannedRun", "Progress", "plan", "reproduce"]


@dataclass(frozen=True)
class Outcome:
    """What became of one experiment.

    Attributes:
        experiment: Its name.
        record_path: The record's file.
        record: The record; its status says whether the run came to its end.
    """

    experiment: str
    record_path: Path
    record: Record

    @property
    def status(self) -> str:
        """`finished` or `error`."""
        return self.record.status


def reproduce(
    slug: str,
    *,
    experiments: Sequence[str] | None = None,
    claims: Sequence[str] | None = None,
    scale: str = "smoke",
    device: str = "auto",
    seeds: Sequence[int] | None = None,
    data_dir: Path | None = None,
    out: Path = Path("runs"),
    resume: bool = False,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[Outcome]:
    """Run experiments of a paper, one after the other, and write a record of each.

    Args:
        slug: The paper.
        experiments: Names of experiments; all that have the scale if neither these nor claims are given.
        claims: Ids of claims; the experiments that test them are run.
        scale: `smoke`, `small` or `full`.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        seeds: The seeds; by default as many as each experiment wants.
        data_dir: Where to look for data sets first.
        out: The folder under which runs go, a folder each.
        resume: Go on with the newest unfinished run of each experiment; those that an interrupted command had
            finished are not run again.
        progress: Shows how far the runs are.
        stop: Asked between steps whether to save and stop; Ctrl-C does the same.

    Raises:
        UserError: If an argument is wrong, or data are missing or damaged.
        Interrupted: If the run was stopped; it has been saved.
    """
    runs = plan(slug, experiments=experiments, claims=claims, scale=scale, seeds=seeds, out=out)
    chosen = resolve_device(device)
    shown = progress or Silence()
    paper = catalog.load(slug)
    located = {
        name: sources.find_or_fetch(name, data_dir, say=shown.message)
        for name in dict.fromkeys(name for run in runs for name in run.data)
    }
    outcomes = []
    with StopRequest() as ctrl_c, _deterministic():
        for run in runs:
            data = {name: located[name] for name in run.data}
            wished = stop or (lambda: ctrl_c.wished)
            outcomes.append(_run(paper, run, chosen, data, resume, shown, wished))
    return outcomes


def _run(
    paper: Paper,
    planned: PlannedRun,
    device: torch.device,
    data: dict[str, sources.LocatedDataSet],
    resume: bool,
    progress: Progress,
    stop: Callable[[], bool],
) -> Outcome:
    experiment = next(e for e in paper.experiments if e.name == planned.experiment)
    settings = experiment.values(planned.scale)
    function, config = configured(paper, planned.experiment, planned.scale)
    code = fingerprint(paper.slug, planned.experiment)
    identity: dict[str, Any] = {
        "experiment": planned.experiment,
        "scale": planned.scale,
        "seeds": list(planned.seeds),
        "device": str(device),
        "settings": repr(sorted(settings.items())),
        "code": code.digest,
        "data": repr([sources.identity(name, located) for name, located in data.items()]),
    }
    if resume:
        finished = _finished(planned, identity)
        if finished:
            progress.message(f"{paper.name}: {planned.experiment} is done already, see {finished.record_path}")
            return finished
    folder = _folder(planned, resume)
    progress.message(f"{paper.name}: {planned.experiment} at the scale {planned.scale}, {planned.duration}")
    session = Session(folder, identity, planned.seeds, device, data, progress, stop)
    started = time.perf_counter()
    error = None
    result: dict[str, Any] = {}
    try:
        result = session.result(function(session, config))
    except (UserError, Interrupted, KeyboardInterrupt):
        raise
    except Exception as failure:  # whatever an experiment raises is an error of the run, never a verdict
        error = f"{type(failure).__name__}: {failure}"
        write_whole(folder / "error.txt", traceback.format_exc())
    record = {
        "schema": 1,
        "paper": paper.slug,
        "experiment": planned.experiment,
        "scale": planned.scale,
        "seeds": list(planned.seeds),
        "device": str(device),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "error" if error else "finished",
        **({"error": error} if error else {}),
        "settings": {
            name: {"value": value, "source": experiment.settings[name].source(planned.scale)}
            for name, value in settings.items()
        },
        "data": [sources.identity(name, located) for name, located in data.items()],
        "code": {"version": papers.__version__, "fingerprint": code.digest, "files": dict(code.files)},
        "environment": _environment(device),
        "cost": {"seconds": round(session.seconds_before + time.perf_counter() - started, 1), **_memory(device)},
        "result": result,
    }
    path = folder / "record.json"
    written = write_record(record, path)
    session.checkpoint.unlink(missing_ok=True)
    return Outcome(planned.experiment, path, written)


def configured(paper: Paper, name: str, scale: str) -> tuple[Callable[..., dict[str, list[float]]], Any]:
    """Return the function of an experiment and its configuration at a scale, filled from `paper.toml`.

    Raises:
        UserError: If the code has no such experiment, or its dataclass and the settings do not fit.
    """
    experiment = next(e for e in paper.experiments if e.name == name)
    module = importlib.import_module(f"implementations.{package_name(paper.slug)}.experiments")
    functions = inspect.getmembers(module, inspect.isfunction)
    function = next((f for _, f in functions if getattr(f, "experiment", None) == name), None)
    if function is None:
        raise UserError(Problem(f"no function here is decorated @experiment('{name}')", Path(str(module.__file__))))
    _, kind, *_ = typing.get_type_hints(function).values()  # the run, the configuration, what is returned
    try:
        return function, kind(**experiment.values(scale))
    except TypeError as error:
        raise UserError(Problem(f"the settings do not fit {kind.__name__}: {error}", paper.path)) from error


def _finished(planned: PlannedRun, identity: dict[str, Any]) -> Outcome | None:
    """Return the newest run of the experiment, if it came to its end and is what would be run again."""
    newest = max(planned.folder.glob("*"), default=None)
    path = newest / "record.json" if newest else None
    if path is None or not path.exists():
        return None
    record = read_record(path)
    same = (list(record.seeds), record.device, record.code.fingerprint)
    if record.status == "finished" and same == (identity["seeds"], identity["device"], identity["code"]):
        return Outcome(planned.experiment, path, record)
    return None


def _folder(planned: PlannedRun, resume: bool) -> Path:
    """Return a new folder named after the time, or that of the newest unfinished run with the same seeds."""
    if resume:
        unfinished = [f for f in planned.folder.glob("*") if (f / "checkpoint.pt").exists()]
        if unfinished:
            return max(unfinished)
    stem = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder, number = planned.folder / stem, 1
    while folder.exists():
        number += 1
        folder = planned.folder / f"{stem}-{number}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UserError(
            Problem(f"the run's folder cannot be made: {error.strerror}; name another with --out", folder)
        ) from error
    return folder


@contextmanager
def _deterministic() -> Iterator[None]:
    """Let PyTorch use only algorithms that give the same bytes every time; put its setting back afterwards."""
    before = torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def _environment(device: torch.device) -> dict[str, Any]:
    environment: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "threads": torch.get_num_threads(),
    }
    if device.type == "cuda":
        environment["gpu"] = torch.cuda.get_device_name(device)
    return environment


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _memory(device: torch.device) -> dict[str, float]:
    cost: dict[str, float] = {}
    if sys.platform != "win32":
        import resource

        unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
        cost["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
    if device.type == "cuda":
        cost["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated(device) / 2**20)
    return cost
