"""The files of a new paper: valid from the start, and marked wherever a person has yet to say something.

Whatever is still to be said carries `MARKER`; `papers check` lists every one of them until none is left.
"""

from __future__ import annotations

import keyword
import os
import re
import shutil
from pathlib import Path

from papers.catalog import SLUG, papers_directory
from papers.errors import Problem, UserError
from papers.files import reason
from papers.fingerprint import package_name

MARKER = "FILL IN:"

REQUIRED_HEADINGS = ("In short", "The idea", "Architecture", "Training", "What others get wrong", "Reading on")
"""What every summary tells, in this order, under headings of these names."""


def new(slug: str, directory: Path | None = None) -> list[Path]:
    """Make the files of a new paper, all or none.

    Args:
        slug: Its short name: small letters, digits and `-`, a letter first. In the package's name `-` becomes `_`.
        directory: The folder of the papers; the package's own by default. The implementation and the page go into
            `implementations` and `docs` beside it.

    Returns:
        The files made.

    Raises:
        UserError: If the name will not do, any of the files is there already, or one cannot be written.
    """
    directory = directory or papers_directory()
    root = directory.parent
    package = package_name(slug)
    _check_name(slug)
    contents = {
        directory / slug / "paper.toml": PAPER,
        directory / slug / "summary.md": SUMMARY,
        root / "implementations" / package / "__init__.py": PACKAGE_DOCUMENTATION,
        root / "implementations" / package / "model.py": MODEL,
        root / "implementations" / package / "experiments.py": EXPERIMENTS,
    }
    if (root / "references.bib").exists():  # in a checkout; an installed package has no site of its own
        contents[root / "docs" / "papers" / f"{slug}.md"] = PAGE
    folders = [directory / slug, root / "implementations" / package]
    taken = [path for path in [*folders, *contents] if os.path.lexists(path)]
    if taken:
        raise UserError(*(Problem("there is something of this name already; choose another name", p) for p in taken))
    imports = sorted([f"from implementations.{package}.model import Model", RUN_IMPORT])
    words = {"IMPORTS": "\n".join(imports), "SLUG": slug, "MARKER": MARKER}
    made: list[Path] = []
    current = directory
    try:
        for current, template in contents.items():
            current.parent.mkdir(parents=True, exist_ok=True)
            with current.open("x", encoding="utf-8", newline="\n") as file:
                made.append(current)
                file.write(re.sub("|".join(words), lambda match: words[match[0]], template))
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        raise UserError(Problem(f"the file cannot be written: {reason(error)}; nothing was left", current)) from None
    return made


def _check_name(slug: str) -> None:
    """Refuse a name that cannot be both a folder's and, with `_` for `-`, a package's."""
    if not SLUG.fullmatch(slug):
        raise UserError(f"`{slug}` cannot name a paper: use small letters, digits and `-`, a letter first, as in `vgg`")
    if slug.endswith("-") or "--" in slug:
        raise UserError(f"`{slug}` cannot name a paper: a `-` stands between two letters or digits")
    if keyword.iskeyword(slug):
        raise UserError(f"`{slug}` cannot name a paper: Python has a word of its own that is spelled so")


PAPER = """\
key = "MARKER the paper's key in references.bib"
name = "MARKER what people call it"
tagline = "MARKER what it is about, in one sentence"
tags = ["MARKER words that it is found under"]
builds_on = []

# One table for each statement of the paper that can be checked.
[[claims]]
id = "C1"
statement = "MARKER the claim in your own words"
where = "MARKER section, table or figure"
source = "unverified"  # verified | arithmetic | second-hand | unverified
experiment = "smoke"
scale = "smoke"
reason = "MARKER why this rule decides the claim"
criteria = [
  { metric = "loss_ratio", high = 1.0 },  # MARKER metric, unit, the paper's value, what is accepted, seeds
]

[[experiments]]
name = "smoke"
title = "MARKER a name for people"
what = "MARKER what it does, in one or two sentences"
[experiments.scales.smoke]
data = ["digits"]
seeds = 1
duration = "a few seconds"
shows = "whether it trains at all"
cannot_show = "MARKER what it cannot show"
[experiments.settings.steps]
meaning = "updates of the parameters"
where = "MARKER the place in the paper"
values = { smoke = 100 }
[experiments.settings.learning_rate]
meaning = "step size of gradient descent"
where = "MARKER the place in the paper"
values = { smoke = 0.1 }
"""

SUMMARY = "# MARKER the name of the paper\n" + "".join(
    f"\n## {heading}\n\nMARKER {hint}\n"
    for heading, hint in zip(
        REQUIRED_HEADINGS,
        (
            "what it says and why it matters, in three sentences",
            "the problem and the thought that solves it",
            "the network, with the symbols of the paper",
            "data, loss, optimiser, schedule",
            "what reimplementations usually do differently",
            "what came before and after, cited as in `[@key]`",
        ),
        strict=True,
    )
)

PAGE = "[[paper:SLUG]]\n"

PACKAGE_DOCUMENTATION = '"""MARKER the paper in one line."""\n'

MODEL = '''\
"""MARKER the network of the paper, readable in one sitting, with the section or equation beside each line."""

from __future__ import annotations

from torch import Tensor, nn


class Model(nn.Module):
    """MARKER the name of the network."""

    def __init__(self) -> None:
        """Make the layers; this one only stands in for them."""
        super().__init__()
        self.output = nn.LazyLinear(10)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits `[N, 10]` for images `[N, height, width]`."""
        logits: Tensor = self.output(images.flatten(1))
        return logits
'''

RUN_IMPORT = "from implementations.training.run import Run, experiment"

EXPERIMENTS = '''\
"""MARKER the runs that test the claims of the paper."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

IMPORTS


@dataclass(frozen=True)
class Smoke:
    """Settings of `smoke`."""

    steps: int
    learning_rate: float


@experiment("smoke")
def smoke(run: Run, config: Smoke) -> dict[str, list[float]]:
    """Train on small real digits for a moment: does it learn at all?"""
    data = run.images("digits")
    images, labels = data.train_images.float() / 255, data.train_labels
    ratios: list[float] = []
    for seed in run.seeds:
        torch.manual_seed(seed)
        model = Model().to(run.device)
        before = F.cross_entropy(model(images), labels).item()
        optimizer = torch.optim.SGD(model.parameters(), config.learning_rate)
        for step in run.steps(f"seed {seed}", config.steps, model=model, optimizer=optimizer):
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log("loss", step, loss.item(), arm="model", seed=seed, axes=("updates", "loss"))
        run.weights(f"model/{seed}", model)
        ratios.append(F.cross_entropy(model(images), labels).item() / before)
    return {"loss_ratio": ratios}
'''
