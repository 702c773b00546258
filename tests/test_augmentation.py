"""Distortions, against slow and obvious versions and exact special cases."""

from __future__ import annotations

import math
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from implementations.data.augmentation import (
    Distortion,
    add_noise,
    distort,
    draw_maps,
    salt_and_pepper,
    shift,
    warp,
)

BACKGROUND = -0.1
EVERYTHING = Distortion(translation=3, scale=0.3, squeeze=0.2, shear=0.3, rotation=15)


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_images(count: int = 4, height: int = 32, width: int = 32) -> Tensor:
    return torch.rand(count, 1, height, width, generator=seeded()) * 1.275 + BACKGROUND


def identity(count: int) -> Tensor:
    return torch.tensor([[1.0, 0, 0], [0, 1, 0]]).repeat(count, 1, 1)


def slow_warp(images: Tensor, maps: Tensor, background: float) -> Tensor:
    """Do what `warp` says, pixel by pixel."""
    result = torch.empty_like(images)
    count, channels, height, width = images.shape
    for n in range(count):
        (a, b, c), (d, e, f) = maps[n].tolist()
        for row in range(height):
            for column in range(width):
                x, y = column - (width - 1) / 2, row - (height - 1) / 2
                from_x, from_y = a * x + b * y + c + (width - 1) / 2, d * x + e * y + f + (height - 1) / 2
                left, top = math.floor(from_x), math.floor(from_y)
                for channel in range(channels):
                    total = 0.0
                    for i, j in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                        inside = 0 <= i < height and 0 <= j < width
                        value = images[n, channel, i, j].item() if inside else background
                        total += (1 - abs(from_y - i)) * (1 - abs(from_x - j)) * value
                    result[n, channel, row, column] = total
    return result


@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 28), (9, 14), (1, 1)])
def test_the_identity_changes_nothing(height: int, width: int) -> None:
    images = some_images(3, height, width)
    assert (warp(images, identity(3), BACKGROUND) - images).abs().max() <= 2e-7
    assert (distort(images, Distortion(), seeded(), BACKGROUND) - images).abs().max() <= 2e-7


@settings(max_examples=25, deadline=None)
@given(right=st.integers(-12, 12), down=st.integers(-12, 12), height=st.integers(1, 11), width=st.integers(1, 11))
def test_a_shift_by_whole_pixels_is_a_roll_with_what_came_round_wiped_out(
    right: int, down: int, height: int, width: int
) -> None:
    images = some_images(2, height, width)
    expected = torch.roll(images, (down, right), dims=(2, 3))
    rows, columns = torch.arange(height)[:, None] - down, torch.arange(width) - right
    expected[..., (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)] = BACKGROUND
    assert torch.equal(shift(images, right, down, BACKGROUND), expected)
    maps = identity(2)
    maps[:, :, 2] = -torch.tensor([right, down])
    assert (warp(images, maps, BACKGROUND) - expected).abs().max() <= 2e-7


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 10)])
def test_warping_equals_the_slow_version(height: int, width: int) -> None:
    images = torch.rand(3, 2, height, width, generator=seeded())
    maps = draw_maps(EVERYTHING, 3, seeded())
    assert (warp(images, maps, 0.7) - slow_warp(images, maps, 0.7)).abs().max() < 2e-6


def test_a_batch_equals_its_images_one_by_one_to_the_last_bit() -> None:
    images, maps = some_images(50), draw_maps(EVERYTHING, 50, seeded())
    together = warp(images, maps, BACKGROUND)
    assert torch.equal(together, torch.cat([warp(images[i : i + 1], maps[i : i + 1], BACKGROUND) for i in range(50)]))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    images = some_images(20)
    first = distort(images, EVERYTHING, seeded(5), BACKGROUND)
    assert torch.equal(first, distort(images, EVERYTHING, seeded(5), BACKGROUND))
    assert not torch.equal(first, distort(images, EVERYTHING, seeded(6), BACKGROUND))
    generator = seeded(5)
    distort(images, EVERYTHING, generator, BACKGROUND)
    assert not torch.equal(first, distort(images, EVERYTHING, generator, BACKGROUND))


def test_every_image_gets_a_distortion_of_its_own() -> None:
    images = some_images(1).repeat(20, 1, 1, 1)
    result = distort(images, EVERYTHING, seeded(), BACKGROUND)
    assert len({tuple(image.flatten().tolist()) for image in result}) == 20


def test_maps_undo_squeeze_then_shear_then_rotation_then_translation() -> None:
    chance = 2 * torch.rand(40, 6, dtype=torch.float64, generator=seeded(3)) - 1
    for drawn, (size, squeeze, shear, angle, right, down) in zip(
        draw_maps(EVERYTHING, 40, seeded(3)), chance.tolist(), strict=True
    ):
        factor, ratio, turn = 1.3**size, 1.2**squeeze, math.radians(15 * angle)
        squeezed = torch.tensor([[factor * ratio, 0], [0, factor / ratio]])
        sheared = torch.tensor([[1, 0.3 * shear], [0, 1]])
        turned = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        forward = torch.eye(3)
        forward[:2, :2] = turned @ sheared @ squeezed
        forward[:2, 2] = torch.tensor([3 * right, 3 * down])
        undone = torch.cat([drawn, torch.tensor([[0.0, 0, 1]])]) @ forward
        assert (undone - torch.eye(3)).abs().max() < 1e-5


def test_distortions_stay_within_their_ranges_and_reach_them() -> None:
    moved = draw_maps(Distortion(translation=2), 4000, seeded())
    assert torch.equal(moved[:, :, :2], identity(4000)[:, :, :2])
    assert 1.99 < moved[:, :, 2].abs().max() <= 2
    assert moved[:, :, 2].mean().abs() < 0.1

    scaled = draw_maps(Distortion(scale=0.25), 4000, seeded())
    assert torch.equal(scaled[:, 0, 0], scaled[:, 1, 1])
    assert 0.8 <= scaled[:, 0, 0].min() < 0.801 < 1.249 < scaled[:, 0, 0].max() <= 1.25
    assert scaled[:, 0, 0].log().mean().abs() < 0.01

    squeezed = draw_maps(Distortion(squeeze=0.25), 4000, seeded())
    assert (squeezed[:, 0, 0] * squeezed[:, 1, 1] - 1).abs().max() < 1e-6  # the area stays
    assert 0.8 <= squeezed[:, 0, 0].min() < 0.801 < 1.249 < squeezed[:, 0, 0].max() <= 1.25

    sheared = draw_maps(Distortion(shear=0.2), 4000, seeded())
    assert (sheared[:, 1] == torch.tensor([0.0, 1, 0])).all()  # rows stay in their height
    assert (sheared[:, 0, 0] == 1).all()
    assert 0.199 < sheared[:, 0, 1].abs().max() <= 0.2

    turned = draw_maps(Distortion(rotation=10), 4000, seeded())[:, :, :2]
    assert (turned @ turned.transpose(1, 2) - torch.eye(2)).abs().max() < 1e-6
    assert 9.9 < turned[:, 0, 1].asin().rad2deg().abs().max() <= 10.001


def test_an_image_of_background_stays_one() -> None:
    images = torch.full((10, 1, 28, 28), BACKGROUND)
    assert torch.equal(distort(images, EVERYTHING, seeded(), BACKGROUND), images)


def test_nothing_gets_darker_or_lighter_than_it_was() -> None:
    images = some_images(20)
    result = distort(images, EVERYTHING, seeded(), BACKGROUND)
    assert result.min() >= BACKGROUND - 1e-6
    assert result.max() <= images.max() + 1e-6


def test_the_input_is_left_alone() -> None:
    images = some_images()
    before = images.clone()
    warp(images, identity(4), BACKGROUND).zero_()
    shift(images, 0, 0, BACKGROUND).zero_()
    add_noise(images, 0.0, seeded()).zero_()
    salt_and_pepper(images, 0.5, seeded(), 0.0, 1.0).zero_()
    distort(images, EVERYTHING, seeded(), BACKGROUND)
    assert torch.equal(images, before)


def test_no_images_are_no_trouble() -> None:
    assert distort(torch.empty(0, 1, 32, 32), EVERYTHING, seeded(), BACKGROUND).shape == (0, 1, 32, 32)


def test_noise_has_the_deviation_asked_for() -> None:
    images = some_images(100)
    noise = add_noise(images, 0.3, seeded()) - images
    assert noise.mean().abs() < 0.005
    assert noise.std().item() == pytest.approx(0.3, rel=0.01)
    assert torch.equal(add_noise(images, 0.0, seeded()), images)
    assert torch.equal(add_noise(images, 0.3, seeded()) - images, noise)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 1.0])
def test_salt_and_pepper_replace_their_fraction_by_halves(fraction: float) -> None:
    images = torch.full((100, 1, 32, 32), 0.5)
    result = salt_and_pepper(images, fraction, seeded(), background=-0.1, ink=1.175)
    assert set(result.flatten().tolist()) <= set(torch.tensor([-0.1, 0.5, 1.175]).tolist())
    assert (result == -0.1).float().mean().item() == pytest.approx(fraction / 2, abs=0.005)
    assert (result == 1.175).float().mean().item() == pytest.approx(fraction / 2, abs=0.005)


@pytest.mark.cuda
def test_another_device_sees_the_same_random_numbers() -> None:
    images = some_images(50)
    here = distort(images, EVERYTHING, seeded(), BACKGROUND)
    there = distort(images.cuda(), EVERYTHING, seeded(), BACKGROUND)
    assert there.is_cuda
    assert (here - there.cpu()).abs().max() < 1e-4
    assert torch.equal(
        salt_and_pepper(images.cuda(), 0.2, seeded(), 0, 1).cpu(), salt_and_pepper(images, 0.2, seeded(), 0, 1)
    )
    with pytest.raises(ValueError, match="drawn on the CPU, not on cuda"):
        draw_maps(EVERYTHING, 1, torch.Generator(device="cuda"))


def test_a_batch_takes_milliseconds() -> None:
    images, generator = some_images(256), seeded()
    times = []
    for _ in range(10):
        start = time.perf_counter()
        distort(images, EVERYTHING, generator, BACKGROUND)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.025  # some 2 ms on one core; a loop over images takes more than this
