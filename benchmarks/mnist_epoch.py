"""An epoch of LeNet-5 on MNIST here, against the same network fed by a plain DataLoader, in one run, as ratios.

Both sides train the paper's network with the same optimiser on batches of the same size. The plain side does what
tutorials do: a data set that turns one byte image after the other into a padded, scaled tensor, a DataLoader that
stacks them, and Adam as it comes. Rounds alternate between the sides, a few hundred batches each, so that a busy moment
of the machine hits both alike; medians over rounds are printed. Needs the real MNIST (`papers data fetch mnist`).

    python benchmarks/mnist_epoch.py [--data-dir DIR] [--rounds 5] [--batches 100] [--batch-size 256]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from implementations.data import sources
from implementations.data.images import pad_to_32
from implementations.data.mnist import load_mnist
from implementations.lenet.model import Initialisation, LeNet5, maximum_a_posteriori_loss, scale_pixels
from implementations.lenet.training import train_in_batches
from implementations.training.randomness import generator, permutation
from implementations.training.session import Session, Silence

EPOCH = 60_000


class OneByOne(Dataset[tuple[Tensor, int]]):
    """MNIST as tutorials hold it: each image is padded, scaled and made a tensor when it is asked for."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        """Keep the bytes."""
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return one image `[1, 32, 32]` and its label."""
        return scale_pixels(pad_to_32(self.images[index][None])), int(self.labels[index])


def plain_epoch(images: Tensor, labels: Tensor, batch_size: int) -> tuple[float, float]:
    """Train as tutorials do; return the seconds taken in all and by waiting for data."""
    model = LeNet5(Initialisation(generator(0, "init")))
    optimizer = torch.optim.Adam(model.parameters(), 0.002)
    loader = DataLoader(OneByOne(images, labels), batch_size, shuffle=True, drop_last=True)
    waiting = 0.0
    started = time.perf_counter()
    batches: Iterator[tuple[Tensor, Tensor]] = iter(loader)
    for _ in range(len(loader)):
        asked = time.perf_counter()
        batch, truth = next(batches)
        waiting += time.perf_counter() - asked
        loss = maximum_a_posteriori_loss(model(batch), truth, 1.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return time.perf_counter() - started, waiting


def our_epoch(images: Tensor, labels: Tensor, batch_size: int) -> tuple[float, float]:
    """Train as the experiments do; return the seconds taken in all and by gathering and scaling batches."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder), {}, (0,), torch.device("cpu"), {}, Silence())
        model = LeNet5(Initialisation(generator(0, "init")))
        padded = pad_to_32(images)
        started = time.perf_counter()
        train_in_batches(
            session,
            "epoch",
            model,
            padded,
            labels,
            seed=0,
            passes=1,
            batch_size=batch_size,
            learning_rate=0.002,
            loss=partial(maximum_a_posteriori_loss, j=1.0),
        )
        total = time.perf_counter() - started
    started = time.perf_counter()
    order = permutation(len(images), 0, "order", 0)
    for chosen in order.split(batch_size):
        scale_pixels(padded[chosen])
        labels[chosen]
    return total, time.perf_counter() - started


def main() -> None:
    """Measure both sides in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=100, help="batches a round and side; an epoch is worked out")
    parser.add_argument("--batch-size", type=int, default=256)
    arguments = parser.parse_args()
    data = load_mnist(sources.locate("mnist", arguments.data_dir))
    count = arguments.batches * arguments.batch_size
    images, labels = data.train_images[:count], data.train_labels[:count]
    sides: dict[str, Callable[[Tensor, Tensor, int], tuple[float, float]]] = {"here": our_epoch, "plain": plain_epoch}
    times: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
    for number in range(arguments.rounds + 1):
        for side, epoch in sides.items():
            taken = epoch(images, labels, arguments.batch_size)
            if number:  # the first round warms up
                times[side].append(taken)
    scale = EPOCH / len(images)
    print(f"LeNet-5 of the paper, batches of {arguments.batch_size}, {torch.get_num_threads()} threads, medians")
    for side, measured in times.items():
        total = statistics.median(seconds for seconds, _ in measured)
        share = statistics.median(data_seconds / seconds for seconds, data_seconds in measured)
        print(f"{side:6} {total * scale:6.2f} s an epoch of 60,000, {share:6.1%} of it for data")
    ratios = [plain / ours for (plain, _), (ours, _) in zip(times["plain"], times["here"], strict=True)]
    print(f"plain / here: {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    print(f"peak memory of both: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit:.0f} MB")


if __name__ == "__main__":
    main()
