"""A run on this machine: progress, checkpoints, interruption, and the results as they come.

Nothing here may change a number that an experiment computes; that is why the fingerprint of an experiment leaves this
module out.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from implementations.data.digits import load_digits_images
from implementations.data.images import ImageSet
from implementations.data.mnist import load_mnist
from implementations.data.sources import LocatedDataSet
from implementations.training.run import Result, Stateful
from papers.errors import Problem, UserError
from papers.schema import is_finite

LOADERS: dict[str, Callable[[LocatedDataSet], ImageSet]] = {"digits": load_digits_images, "mnist": load_mnist}

SAVE_SECONDS = 60.0
SHOW_SECONDS = 0.2


class Interrupted(Exception):
    """The run was stopped and has been saved; `directory` holds the checkpoint."""

    def __init__(self, directory: Path) -> None:
        """Remember where the checkpoint is."""
        super().__init__(str(directory))
        self.directory = directory


class Progress(Protocol):
    """Whoever shows how far a run is."""

    def start(self, label: str, total: int, done: int = 0) -> None:
        """Begin a stage of `total` steps, `done` of them already taken."""

    def advance(self, done: int) -> None:
        """Say how many steps of the stage are taken."""

    def message(self, text: str) -> None:
        """Say something that is not progress."""

    def finish(self) -> None:
        """End the stage."""


class Silence:
    """Progress that nobody watches."""

    def start(self, label: str, total: int, done: int = 0) -> None:
        """Do nothing."""

    def advance(self, done: int) -> None:
        """Do nothing."""

    def message(self, text: str) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


class StopRequest:
    """Turns the first Ctrl-C into a wish to stop at the next step; the second one ends the process as usual."""

    def __init__(self) -> None:
        """Nothing is wished yet."""
        self.wished = False
        self._previous: Any = None

    def __enter__(self) -> StopRequest:
        """Listen."""
        self._previous = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        signal.signal(signal.SIGINT, self._previous)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.wished = True
        signal.signal(signal.SIGINT, self._previous)


class Session:
    """Implements `implementations.training.run.Run`.

    Attributes:
        curves: The metric stream, `{curve: {"x", "y", "series": {(arm, seed): {x: y}}}}`; a point logged again after a
            resumption replaces itself.
    """

    def __init__(
        self,
        directory: Path,
        identity: Mapping[str, Any],
        seeds: tuple[int, ...],
        device: torch.device,
        data: Mapping[str, LocatedDataSet],
        progress: Progress,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Start a run, or go on with the one whose checkpoint lies in `directory`.

        Args:
            directory: Where the checkpoint goes.
            identity: What must be the same for a checkpoint to be gone on with: paper, experiment, settings, code.
            seeds: The seeds of the run.
            device: Where tensors go.
            data: The data sets that the experiment may ask for.
            progress: Shows how far the run is.
            stop: Asked between steps whether to save and stop.

        Raises:
            UserError: If the checkpoint cannot be read or belongs to another run.
        """
        self.directory = directory
        self.seeds = seeds
        self.device = device
        self.curves: dict[str, dict[str, Any]] = {}
        self.hashes: dict[str, str] = {}
        self.notes: dict[str, str] = {}
        self._identity = dict(identity)
        self._data = data
        self._progress = progress
        self._stop = stop
        self._units: dict[str, Any] = {}
        self._loop: dict[str, Any] | None = None
        self.seconds_before = 0.0
        self._saved = self._started = time.monotonic()
        if self.checkpoint.exists():
            self._restore()

    @property
    def checkpoint(self) -> Path:
        """The file that holds the state of an unfinished run."""
        return self.directory / "checkpoint.pt"

    def images(self, name: str) -> ImageSet:
        """Return a data set by name, on the device of the run."""
        loaded = LOADERS[name](self._data[name])
        return ImageSet(*(getattr(loaded, field).to(self.device) for field in ImageSet.__dataclass_fields__))

    def unit(self, name: str, compute: Callable[[], Result]) -> Result:
        """Return `compute()`, remembered in the checkpoint under `name`."""
        if name not in self._units:
            self._interrupt_if_wished(None)
            self._units[name] = compute()
            self._loop = None
            self._save_now_and_then(None)
        result: Result = self._units[name]
        return result

    def steps(self, name: str, total: int, **state: Stateful) -> Iterator[int]:
        """Count from 0 to `total` - 1, or from where the checkpoint was; `state` is saved and restored."""
        first = 0
        if self._loop is not None and self._loop["name"] == name:
            first = self._loop["step"]
            for key, item in state.items():
                item.load_state_dict(self._loop["state"][key])
        self._progress.start(name, total, first)
        shown = time.monotonic()
        for step in range(first, total):
            here = (name, step, state)
            self._interrupt_if_wished(here)
            self._save_now_and_then(here)
            if time.monotonic() - shown > SHOW_SECONDS:
                self._progress.advance(step)
                shown = time.monotonic()
            yield step
        self._progress.finish()

    def log(self, curve: str, x: float, y: float, *, arm: str, seed: int, axes: tuple[str, str]) -> None:
        """Add a point to a series of a curve."""
        kept = self.curves.setdefault(curve, {"x": axes[0], "y": axes[1], "series": {}})
        kept["series"].setdefault((arm, seed), {})[x] = y

    def points(self, curve: str, *, arm: str, seed: int) -> list[tuple[float, float]]:
        """Return the points logged to a series so far, in the order of x."""
        return sorted(self.curves[curve]["series"][arm, seed].items())

    def weights(self, name: str, model: nn.Module) -> None:
        """Note the SHA-256 of a trained model's parameters."""
        digest = hashlib.sha256()
        for parameter in model.parameters():
            digest.update(_bytes(parameter))
        self.hashes[name] = digest.hexdigest()

    def note(self, name: str, text: str) -> None:
        """Add a sentence to the record."""
        self.notes[name] = text

    def result(self, metrics: Mapping[str, list[float]]) -> dict[str, Any]:
        """Return the `result` of a record: what the experiment returned and what it logged.

        Raises:
            ArithmeticError: If a metric is not a finite number.
        """
        for name, values in metrics.items():
            if not all(is_finite(value) for value in values):
                raise ArithmeticError(f"the metric {name} is not finite: {values}")
        curves = {
            name: {
                "x": curve["x"],
                "y": curve["y"],
                "series": [
                    {"arm": arm, "seed": seed, "points": [list(point) for point in sorted(points.items())]}
                    for (arm, seed), points in sorted(curve["series"].items())
                ],
            }
            for name, curve in self.curves.items()
        }
        return {"metrics": dict(metrics), "curves": curves, "weights": self.hashes, "notes": self.notes}

    def _interrupt_if_wished(self, here: tuple[str, int, Mapping[str, Stateful]] | None) -> None:
        if self._stop():
            self._save(here)
            raise Interrupted(self.directory)

    def _save_now_and_then(self, here: tuple[str, int, Mapping[str, Stateful]] | None) -> None:
        if time.monotonic() - self._saved > SAVE_SECONDS:
            self._save(here)

    def _save(self, here: tuple[str, int, Mapping[str, Stateful]] | None) -> None:
        """Write the checkpoint whole: first beside it, then in its place."""
        loop = self._loop
        if here is not None:
            name, step, state = here
            loop = {"name": name, "step": step, "state": {key: item.state_dict() for key, item in state.items()}}
        content = {
            "identity": self._identity,
            "units": self._units,
            "loop": loop,
            "curves": self.curves,
            "hashes": self.hashes,
            "notes": self.notes,
            "seconds": self.seconds_before + time.monotonic() - self._started,
        }
        beside = self.checkpoint.with_suffix(f".{os.getpid()}.part")
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            torch.save(content, beside)
            beside.replace(self.checkpoint)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            beside.unlink(missing_ok=True)
            raise UserError(Problem(f"the checkpoint cannot be written: {error}", self.checkpoint)) from error
        self._saved = time.monotonic()

    def _restore(self) -> None:
        try:
            content = torch.load(self.checkpoint, weights_only=True, map_location=self.device)
            identity = content["identity"]
            self._units, self._loop = content["units"], content["loop"]
            self.curves, self.hashes, self.notes = content["curves"], content["hashes"], content["notes"]
            self.seconds_before = content["seconds"]
        except Exception as error:  # torch.load raises whatever the damaged bytes lead it to
            problem = "the checkpoint cannot be read; delete it to start afresh"
            raise UserError(Problem(f"{problem} ({type(error).__name__})", self.checkpoint)) from error
        for key, value in self._identity.items():
            if identity.get(key) != value:
                raise UserError(
                    Problem(
                        f"the checkpoint belongs to a run that differs in its {key}; start afresh without --resume",
                        self.checkpoint,
                    )
                )


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().numpy().tobytes()
