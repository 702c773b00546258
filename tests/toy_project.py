"""A project with one small paper, for tests that break things: a copy of the code with knowledge of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from papers.catalog import load
from papers.evidence import write_record
from papers.fingerprint import fingerprint

ROOT = Path(__file__).resolve().parent.parent

PAPER = """\
key = "rumelhart1986learning"
name = "Toy"
tagline = "A paper that is small enough to break."
tags = ["toy"]

[[claims]]
id = "T1"
statement = "The network has seven parameters."
where = "Sec. 2"
source = "arithmetic"
experiment = "count"
scale = "smoke"
reason = "It is a count, so it is exact."
criteria = [{ metric = "parameters", paper = 7, low = 7, high = 7 }]

[[claims]]
id = "T2"
statement = "The error is below five percent."
where = "Fig. 3"
source = "verified"
experiment = "train"
scale = "small"
reason = "The paper's value and twice its standard error."
criteria = [{ metric = "error", unit = "%", paper = 4.5, high = 5.0, seeds = 2 }]

[[claims]]
id = "T3"
statement = "It reads a million letters a day."
where = "Sec. 9"
source = "second-hand"
out_of_reach = "The letters are private."

[[experiments]]
name = "count"
title = "Counting"
what = "Counts the parameters."
[experiments.scales.smoke]
data = []
seeds = 1
duration = "a second"
shows = "the exact count"
cannot_show = "how it trains"

[[experiments]]
name = "train"
title = "Training"
what = "Trains the network."
[experiments.scales.smoke]
data = ["digits"]
seeds = 1
duration = "two seconds"
shows = "that it trains"
cannot_show = "the paper's error"
[experiments.scales.small]
data = ["mnist"]
seeds = 2
duration = "a minute"
shows = "the error"
cannot_show = "nothing that is claimed"
[experiments.settings.passes]
meaning = "passes over the training set"
where = "Sec. 3"
paper = 20
values = { smoke = 1, small = 20 }
departures = { smoke = "short" }

[[departures]]
id = "short"
what = "One pass."
paper = "Twenty passes."
where = "Sec. 3"
why = "It takes seconds."
effect = "A larger error."

[[questions]]
id = "order"
question = "In which order are the patterns shown?"
where = "Sec. 3"
assumed = "At random."
effect = "Little."

[comparison]
columns = ["paper", "ours"]
[[comparison.rows]]
aspect = "Squashing function"
where = "Eq. 1"
cells = { paper = "a step", ours = "a tanh, of {=T1.here} parameters" }
note = "A step has no gradient."
"""

SUMMARY = """\
# Toy

A perceptron [@rumelhart1986learning, Sec. 2] with $n = 7$ **parameters**, of which the paper counts {=T1.paper}.

- one [link](https://example.org)
- two
"""

EXPERIMENTS = '''\
"""The experiments of the toy paper."""

from dataclasses import dataclass

from implementations.training.run import Run, experiment


@dataclass(frozen=True)
class Count:
    """Nothing to set."""


@dataclass(frozen=True)
class Train:
    """How to train."""

    passes: int


@experiment("count")
def count(run: Run, config: Count) -> dict[str, list[float]]:
    return {"parameters": [7]}


@experiment("train")
def train(run: Run, config: Train) -> dict[str, list[float]]:
    return {"error": [4.0 + seed / 10 for seed in run.seeds]}
'''


def make_project(folder: Path) -> Path:
    """Copy the code to a folder, with the toy paper as the only one; returns the folder."""
    without = shutil.ignore_patterns("__pycache__", "lenet", "*.toml", "*.json")
    for room in ("papers", "implementations", "cli"):
        shutil.copytree(ROOT / room, folder / room, ignore=without)
    shutil.copy(ROOT / "references.bib", folder)
    files = {
        "papers/toy/paper.toml": PAPER,
        "papers/toy/summary.md": SUMMARY,
        "implementations/toy/__init__.py": '"""The toy paper."""\n',
        "implementations/toy/experiments.py": EXPERIMENTS,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def make_record(
    project: Path, experiment: str, scale: str, metrics: dict[str, list[float]], *, status: str = "finished"
) -> Path:
    """Write the record of a run of the toy paper under the project's `runs`; returns the file."""
    paper = load("toy", project / "papers")
    setup = paper.experiment(experiment)
    code = fingerprint("toy", experiment, project)
    seeds = list(range(max(len(values) for values in metrics.values()) if metrics else 1))
    path = project / "runs" / "toy" / f"{experiment}-{scale}" / "record.json"
    content: dict[str, object] = {
        "schema": 1,
        "paper": "toy",
        "experiment": experiment,
        "scale": scale,
        "seeds": seeds,
        "device": "cpu",
        "created": "2026-11-21T12:00:00+00:00",
        "status": status,
        "settings": {
            name: {"value": value, "source": setup.settings[name].source(scale)}
            for name, value in setup.values(scale).items()
        },
        "data": [],
        "code": {"version": "0.1.0", "fingerprint": code.digest, "files": dict(code.files)},
        "environment": {"python": "3.11"},
        "cost": {"seconds": 1.0},
        "result": {"metrics": metrics, "curves": {}, "weights": {}, "notes": {}},
    }
    if status == "error":
        content["error"] = "the loss is not a number"
    write_record(content, path)
    return path
