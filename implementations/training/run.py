"""What an experiment sees of the run that it is part of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from implementations.data.images import ImageSet

Result = TypeVar("Result")
Function = TypeVar("Function", bound=Callable[..., dict[str, list[float]]])


class Stateful(Protocol):
    """Anything that a checkpoint can hold: a model, an optimiser."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state, made of tensors, numbers, strings, lists and dicts."""

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Restore the state in place."""


class Run(Protocol):
    """One run of one experiment: its seeds and device, its data, and where its results go."""

    seeds: tuple[int, ...]
    device: torch.device

    def images(self, name: str) -> ImageSet:
        """Return a data set by name, on the device of the run."""

    def unit(self, name: str, compute: Callable[[], Result]) -> Result:
        """Return `compute()`, remembered in the checkpoint under `name`.

        The result is made of numbers, strings, lists and dicts; a resumed run does not compute it again.
        """

    def steps(self, name: str, total: int, **state: Stateful) -> Iterator[int]:
        """Count from 0 to `total` - 1, or from where the checkpoint was; `state` is saved and restored.

        Between two steps the run may be saved, shown and interrupted, so whatever a step changes must be in `state`
        or in the curves. One level only: a step does not call `steps`.
        """

    def log(self, curve: str, x: float, y: float, *, arm: str, seed: int, axes: tuple[str, str]) -> None:
        """Add a point to a series of a curve; `axes` names x and y with their units."""

    def points(self, curve: str, *, arm: str, seed: int) -> list[tuple[float, float]]:
        """Return the points logged to a series so far, in the order of x, those before a resumption included."""

    def weights(self, name: str, model: nn.Module) -> None:
        """Note the SHA-256 of a trained model's parameters."""

    def note(self, name: str, text: str) -> None:
        """Add a sentence to the record."""


def experiment(name: str) -> Callable[[Function], Function]:
    """Mark a function as the experiment `name` of its paper.

    The function takes a `Run` and a dataclass whose fields are the experiment's settings, and returns metrics, each
    with one value a seed, or a single value where nothing is random.
    """

    def mark(function: Function) -> Function:
        function.experiment = name  # type: ignore[attr-defined]
        return function

    return mark
