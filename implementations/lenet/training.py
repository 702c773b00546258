"""How LeNet-5 is trained and tested: in mini-batches, or one pattern at a time as in the paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from implementations.lenet.model import Initialisation, LeNet5, scale_pixels
from implementations.lenet.online import SideBySide
from implementations.training.randomness import generator, permutation
from implementations.training.run import Run

Loss = Callable[[Tensor, Tensor], Tensor]
"""From a network's output and the labels to a number."""

Alter = Callable[[Tensor, int, Tensor], Tensor]
"""From scaled images `[B, 1, 32, 32]`, the number of passes done and the images' places in the set to other images."""


@torch.no_grad()
def count_errors(model: nn.Module, images: Tensor, labels: Tensor, smallest_wins: bool = True) -> int:
    """Count the images that a network reads wrongly.

    Args:
        model: From `[N, 1, 32, 32]` to one number a class.
        images: `[N, 32, 32]`, uint8.
        labels: `[N]`.
        smallest_wins: Whether the outputs are penalties, as in the paper, or logits.
    """
    wrong = 0
    for start in range(0, len(images), 500):
        output = model(scale_pixels(images[start : start + 500])[:, None])
        read = output.argmin(1) if smallest_wins else output.argmax(1)
        wrong += int((read != labels[start : start + 500]).sum())
    return wrong


def percent(part: float, whole: int) -> float:
    """Return how many percent `part` is of `whole`."""
    return 100 * part / whole


def train_in_batches(
    run: Run,
    name: str,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    seed: int,
    passes: int,
    batch_size: int,
    learning_rate: float,
    loss: Loss,
    alter: Alter | None = None,
    after_pass: Callable[[int, float], None] = lambda done, mean_loss: None,
) -> None:
    """Train with Adam in mini-batches, the learning rate falling linearly to zero; in place of the paper's method.

    The images stay in memory as bytes, on the device; each batch is gathered and scaled in one operation.

    Args:
        run: The run that this is part of.
        name: A name of this training that is unique within the run.
        model: Trained in place.
        images: `[N, 32, 32]`, uint8.
        labels: `[N]`.
        seed: Decides the order of the patterns.
        passes: How often each pattern is shown. What does not fill a batch is left out of that pass.
        batch_size: Patterns per update.
        learning_rate: Adam's, at the start.
        loss: What is made small.
        alter: Changes each batch.
        after_pass: Called with the number of passes done and the pass's mean loss.
    """
    optimizer = torch.optim.Adam(model.parameters(), learning_rate, fused=True)
    total_loss = _Sum(run.device)
    batches = len(images) // batch_size
    order = torch.empty(0)
    for step in run.steps(name, passes * batches, model=model, optimizer=optimizer, loss=total_loss):
        passed, batch = divmod(step, batches)
        if batch == 0 or not len(order):
            order = permutation(len(images), seed, "order", passed).to(run.device)
        chosen = order[batch * batch_size : (batch + 1) * batch_size]
        inputs = scale_pixels(images[chosen])[:, None]
        if alter:
            inputs = alter(inputs, passed, chosen)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * (1 - step / (passes * batches))
        value = loss(model(inputs), labels[chosen])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        total_loss.add(value.detach())
        if batch == batches - 1:
            after_pass(passed + 1, total_loss.take() / batches)


def train_online(
    run: Run,
    name: str,
    images: Tensor,
    labels: Tensor,
    *,
    etas: Sequence[float],
    mu: float,
    curvature_patterns: int,
    fan_in_power: float,
    j: float,
    alter: Alter | None = None,
    after_pass: Callable[[int, int, LeNet5], None] = lambda done, seed, model: None,
) -> list[LeNet5]:
    """Train one LeNet-5 per seed as the paper does, one pattern per update [@lecun1998gradient, Sec. III-B, App. C].

    Args:
        run: The run that this is part of; all its seeds are trained side by side.
        name: A name of this training that is unique within the run.
        images: `[N, 32, 32]`, uint8.
        labels: `[N]`.
        etas: The global learning rate of each pass.
        mu: Keeps the steps finite.
        curvature_patterns: How many patterns the second derivatives are estimated on before each pass.
        fan_in_power: See `Initialisation`.
        j: The constant of Eq. 9.
        alter: Changes the patterns, one a seed.
        after_pass: Called with the number of passes done, the seed and the network, for each seed.

    Returns:
        The trained networks, in the order of the seeds.
    """
    starts = [Initialisation(generator(seed, "init"), fan_in_power) for seed in run.seeds]
    networks = SideBySide([LeNet5(start).to(run.device) for start in starts], j)
    order = torch.empty(0)
    count = len(images)
    for step in run.steps(name, len(etas) * count, networks=networks):
        passed, position = divmod(step, count)
        if position == 0 or not len(order):
            # [N, R]: every seed has an order of its own.
            order = torch.stack([permutation(count, seed, "order", passed) for seed in run.seeds], dim=1)
            order = order.to(run.device)
        if position == 0:
            chosen = [permutation(count, seed, "curvature", passed)[:curvature_patterns] for seed in run.seeds]
            patterns = torch.stack([scale_pixels(images[c.to(run.device)])[:, None] for c in chosen])
            networks.set_step_sizes(etas[passed], mu, patterns)
            for seed, (least, greatest) in zip(run.seeds, networks.step_size_ranges(), strict=True):
                for curve, value in (("least_step_size", least), ("greatest_step_size", greatest)):
                    axes = ("pass over the training set", curve.replace("_", " "))
                    run.log(curve, passed + 1, value, arm=name, seed=seed, axes=axes)
        shown = order[position]
        inputs = scale_pixels(images[shown])
        if alter:
            inputs = alter(inputs[:, None], passed, shown)[:, 0].contiguous()
        networks.update(inputs, labels[shown])
        if position == count - 1:
            for index, seed in enumerate(run.seeds):
                after_pass(passed + 1, seed, networks.model(index))
    return [networks.model(index) for index in range(len(run.seeds))]


class _Sum:
    """A running sum on the device, which a checkpoint can hold."""

    def __init__(self, device: torch.device) -> None:
        self.value = torch.zeros((), device=device)

    def add(self, value: Tensor) -> None:
        self.value = self.value + value

    def take(self) -> float:
        """Return the sum and start again from zero."""
        total = self.value.item()
        self.value = torch.zeros_like(self.value)
        return total

    def state_dict(self) -> dict[str, Tensor]:
        return {"value": self.value}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.value = state["value"]
