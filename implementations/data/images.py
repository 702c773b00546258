"""Sets of small grey images with labels, held in memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ImageSet:
    """Images and labels, to train on and to test on.

    Attributes:
        train_images: `uint8 [N, height, width]`; 0 is the background, for MNIST and what imitates it 255 is full ink.
        train_labels: `int64 [N]`.
        test_images: `uint8 [M, height, width]`.
        test_labels: `int64 [M]`.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def pad_to_32(images: Tensor) -> Tensor:
    """Put images into the middle of a 32×32 field of background, as LeNet-5 wants them.

    Args:
        images: `[N, height, width]` of any type, at most 32 high and wide; an odd remainder goes below and right.

    Returns:
        `[N, 32, 32]` of the same type; MNIST's 28×28 get a border of two pixels.
    """
    return centre(images, 32)


def centre(images: Tensor, side: int) -> Tensor:
    """Put images `[N, height, width]` into the middle of a `side`×`side` field of zeros; the type stays.

    Raises:
        ValueError: If an image is larger than the field.
    """
    count, height, width = images.shape
    if max(height, width) > side:
        raise ValueError(f"images of {height}×{width} do not fit into {side}×{side}")
    top, left = (side - height) // 2, (side - width) // 2
    field = torch.zeros(count, side, side, dtype=images.dtype, device=images.device)
    field[:, top : top + height, left : left + width] = images
    return field
