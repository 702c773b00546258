"""What runs are made of: devices, random numbers, the two ways to train, and the session that holds them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from implementations.lenet.model import scale_pixels
from implementations.lenet.training import count_errors, train_in_batches
from implementations.training.device import available_devices, resolve_device
from implementations.training.randomness import generator, permutation
from implementations.training.session import Session, Silence
from papers.errors import UserError


def session(directory: Path, seeds: tuple[int, ...] = (0,)) -> Session:
    return Session(directory, {}, seeds, torch.device("cpu"), {}, Silence())


def test_devices_that_are_there() -> None:
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto") == torch.device(available_devices()[0])


def test_an_absent_device_is_named_with_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("implementations.training.device.available_devices", lambda: ["cuda:0", "cpu"])
    assert resolve_device("cuda") == torch.device("cuda:0")
    with pytest.raises(UserError, match=r"'cuda:1' is not here: this machine has cuda:0, cpu"):
        resolve_device("cuda:1")
    with pytest.raises(UserError, match="'mps' is not here"):
        resolve_device("mps")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CPU", "", "cpu:0 "])
def test_a_name_that_is_no_device(name: str) -> None:
    with pytest.raises(UserError, match="no kind of device"):
        resolve_device(name)


def test_random_numbers_depend_on_the_key_alone() -> None:
    first = torch.rand(5, generator=generator(3, "init"))
    torch.rand(100)
    assert torch.equal(first, torch.rand(5, generator=generator(3, "init")))
    for other in ((4, "init"), (3, "order"), (3, "init", 0), ("3", "init")):
        assert not torch.equal(first, torch.rand(5, generator=generator(*other)))


def test_every_pass_has_an_order_of_its_own() -> None:
    orders = [permutation(50, 0, "order", passed) for passed in range(3)]
    for order in orders:
        assert sorted(order.tolist()) == list(range(50))
        assert order.tolist() != list(range(50))
    assert not torch.equal(orders[0], orders[1])


class Pixels(nn.Module):
    """A linear classifier of three pixels, in place of a network."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.rand(parameter.shape, generator=generator("pixels", *parameter.shape)) - 0.5)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layer(images.flatten(1))
        return logits


def coloured_pixels(count: int) -> tuple[Tensor, Tensor]:
    images = torch.randint(0, 256, (count, 1, 3), generator=generator("bytes"), dtype=torch.uint8)
    return images, images.flatten(1).argmax(1)


def test_training_in_batches_equals_an_obvious_loop(tmp_path: Path) -> None:
    images, labels = coloured_pixels(25)
    fast, slow = Pixels(), Pixels()
    losses: list[float] = []
    train_in_batches(
        session(tmp_path),
        "train",
        fast,
        images,
        labels,
        seed=5,
        passes=3,
        batch_size=10,
        learning_rate=0.1,
        loss=nn.functional.cross_entropy,
        after_pass=lambda done, loss: losses.append(loss),
    )
    optimizer = torch.optim.Adam(slow.parameters(), lr=0.1)
    expected: list[float] = []
    updates = 0
    for passed in range(3):
        order = permutation(25, 5, "order", passed).tolist()
        total = 0.0
        for start in (0, 10):  # five patterns do not fill a batch
            batch = torch.stack([scale_pixels(images[index])[None] for index in order[start : start + 10]])
            truth = torch.stack([labels[index] for index in order[start : start + 10]])
            optimizer.param_groups[0]["lr"] = 0.1 * (6 - updates) / 6
            loss = nn.functional.cross_entropy(slow(batch), truth)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            updates += 1
            total += loss.item()
        expected.append(total / 2)
    assert losses == pytest.approx(expected, rel=1e-5)
    for one, two in zip(fast.parameters(), slow.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_errors_are_counted_by_the_rule_of_the_output() -> None:
    images, labels = coloured_pixels(1200)
    smallest = int((Pixels()(scale_pixels(images)[:, None]).argmin(1) != labels).sum())
    largest = int((Pixels()(scale_pixels(images)[:, None]).argmax(1) != labels).sum())
    assert smallest != largest
    assert count_errors(Pixels(), images, labels) == smallest
    assert count_errors(Pixels(), images, labels, smallest_wins=False) == largest


def test_a_unit_is_computed_once(tmp_path: Path) -> None:
    run = session(tmp_path)
    calls: list[int] = []

    def compute() -> int:
        calls.append(1)
        return 7

    assert (run.unit("a", compute), run.unit("a", compute), len(calls)) == (7, 7, 1)


def test_a_point_logged_again_replaces_itself(tmp_path: Path) -> None:
    run = session(tmp_path)
    for y in (3.0, 4.0):
        run.log("error", 1, y, arm="a", seed=0, axes=("pass", "error, %"))
    run.log("error", 0, 9.0, arm="a", seed=0, axes=("pass", "error, %"))
    assert run.points("error", arm="a", seed=0) == [(0, 9.0), (1, 4.0)]
    assert run.result({})["curves"]["error"]["series"] == [{"arm": "a", "seed": 0, "points": [[0, 9.0], [1, 4.0]]}]


def test_a_metric_that_is_not_finite_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArithmeticError, match="the metric error is not finite"):
        session(tmp_path).result({"error": [1.0, float("nan")]})


def test_the_hash_of_weights_changes_with_any_of_them(tmp_path: Path) -> None:
    run = session(tmp_path)
    model = Pixels()
    run.weights("before", model)
    with torch.no_grad():
        model.layer.bias[2] += 1e-6
    run.weights("after", model)
    assert run.hashes["before"] != run.hashes["after"]
