"""Random distortions of whole batches of images, on whatever device these are.

Random numbers always come from a generator on the CPU that the caller gives, so every device sees the same ones.
Images are floating-point `[N, channels, height, width]`; what comes into view from outside an image has the value
`background`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad


@dataclass(frozen=True)
class Distortion:
    """How far a random affine distortion may go; zero means not at all.

    Attributes:
        translation: Greatest shift along either axis, in pixels.
        scale: Greatest relative change of size: 0.2 gives factors from 1/1.2 to 1.2.
        squeeze: Greatest relative change of the width, the height changing inversely: compression of one with
            elongation of the other, 0.2 giving widths from 1/1.2 to 1.2.
        shear: Greatest horizontal shear: the tangent of the angle to which an upright stroke may be tilted.
        rotation: Greatest rotation either way, in degrees.
    """

    translation: float = 0.0
    scale: float = 0.0
    squeeze: float = 0.0
    shear: float = 0.0
    rotation: float = 0.0


def distort(images: Tensor, distortion: Distortion, generator: torch.Generator, background: float) -> Tensor:
    """Return a copy of each image with an affine distortion of its own, drawn at random.

    Args:
        images: `[N, channels, height, width]`.
        distortion: How far to go.
        generator: Source of the random numbers, on the CPU.
        background: Value of what lies outside the images.

    Returns:
        As `images`.
    """
    return warp(images, draw_maps(distortion, len(images), generator), background)


def draw_maps(distortion: Distortion, count: int, generator: torch.Generator) -> Tensor:
    """Draw random affine maps, for `warp`.

    Every parameter is uniform in its range, scale and squeeze on a logarithmic scale, so that twice as large is as
    likely as half as large. The order is squeeze and scale, shear, rotation, translation.

    Args:
        distortion: How far to go.
        count: How many maps.
        generator: Source of the random numbers, on the CPU.

    Returns:
        `float32 [count, 2, 3]` on the CPU; see `warp`.

    Raises:
        ValueError: If the generator is not on the CPU.
    """
    if generator.device.type != "cpu":
        raise ValueError(f"random numbers are drawn on the CPU, not on {generator.device}")
    chance = 2 * torch.rand(count, 6, dtype=torch.float64, generator=generator) - 1
    size = torch.exp(chance[:, 0] * math.log1p(distortion.scale))
    squeeze = torch.exp(chance[:, 1] * math.log1p(distortion.squeeze))
    shear = chance[:, 2] * distortion.shear
    angle = chance[:, 3] * math.radians(distortion.rotation)
    shift = chance[:, 4:] * distortion.translation

    # The distortion takes the point p to R S D p + shift. Its inverse, D⁻¹ S⁻¹ R⁻¹ (p - shift), says where each pixel
    # of the result comes from. D⁻¹ S⁻¹ = [[1/width, -shear/width], [0, 1/height]].
    width, height = size * squeeze, size / squeeze
    cosine, sine = torch.cos(angle), torch.sin(angle)
    rows = [(cosine + shear * sine) / width, (sine - shear * cosine) / width, -sine / height, cosine / height]
    matrix = torch.stack(rows, dim=1).reshape(count, 2, 2)
    offset = -(matrix * shift[:, None, :]).sum(dim=2, keepdim=True)
    return torch.cat([matrix, offset], dim=2).float()


def warp(images: Tensor, maps: Tensor, background: float) -> Tensor:
    """Return each image seen through its affine map, interpolated linearly between pixels.

    Args:
        images: `[N, channels, height, width]`.
        maps: `[N, 2, 3]`: where each pixel of the result comes from. With (x, y) the place of a pixel centre, to the
            right of and below the centre of the image and in pixels, the pixel comes from `map @ (x, y, 1)`.
        background: Value of what lies outside the images.

    Returns:
        As `images`. Each image's result is independent of the others in the batch, to the last bit.
    """
    count, _, height, width = images.shape
    maps = maps.to(device=images.device, dtype=images.dtype)
    x = torch.arange(width, device=images.device, dtype=images.dtype) - (width - 1) / 2
    y = torch.arange(height, device=images.device, dtype=images.dtype)[:, None] - (height - 1) / 2
    # grid_sample wants places relative to the size of the image. Where that is a power of two, whole pixels are hit
    # exactly; so the field is extended to one. Beyond it grid_sample sees zeros, so the background is made zero first.
    full_width, full_height = _power_of_two(width), _power_of_two(height)
    field = pad(images - background, (0, full_width - width, 0, full_height - height))
    grid = torch.empty(count, height, width, 2, device=images.device, dtype=images.dtype)
    for axis, (side, full_side) in enumerate(((width, full_width), (height, full_height))):
        # Pixel p of the field is at (2 p + 1) / full_side - 1: with align_corners=False, -1 and 1 are its outer edges.
        # Written out, as a matrix product may round differently with the size of the batch.
        of_x, of_y, offset = (maps[:, axis, :, None, None] * (2 / full_side)).unbind(dim=1)
        grid[..., axis] = of_x * x + (of_y * y + (offset + (side / full_side - 1)))
    return grid_sample(field, grid, mode="bilinear", padding_mode="zeros", align_corners=False).add_(background)


def shift(images: Tensor, right: int, down: int, background: float) -> Tensor:
    """Return the images moved by whole pixels; what leaves the field is lost, what enters it is background.

    Args:
        images: `[N, channels, height, width]`.
        right: Pixels to the right, to the left if negative.
        down: Pixels down, up if negative.
        background: Value of what enters.

    Returns:
        As `images`; pixels that stay in the field are exactly those of the input.
    """
    result = torch.full_like(images, background)
    height, width = images.shape[-2:]
    if abs(right) < width and abs(down) < height:
        result[..., max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = images[
            ..., max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
        ]
    return result


def add_noise(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Return the images with independent Gaussian noise of this standard deviation added to every pixel.

    Args:
        images: `[N, channels, height, width]`.
        deviation: Standard deviation, in the images' own units.
        generator: Source of the random numbers, on the CPU.
    """
    noise = torch.randn(images.shape, dtype=torch.float32, generator=generator)
    return images + deviation * noise.to(device=images.device, dtype=images.dtype)


def salt_and_pepper(
    images: Tensor, fraction: float, generator: torch.Generator, background: float, ink: float
) -> Tensor:
    """Return the images with pixels, chosen at random, replaced by background or by ink, each as likely.

    Args:
        images: `[N, channels, height, width]`.
        fraction: Probability with which a pixel is replaced, whatever its value was.
        generator: Source of the random numbers, on the CPU.
        background: Value of an empty pixel.
        ink: Value of a full pixel.
    """
    chance = torch.rand(images.shape, dtype=torch.float32, generator=generator).to(images.device)
    return images.masked_fill(chance < fraction, background).masked_fill(chance < fraction / 2, ink)


def _power_of_two(size: int) -> int:
    """Return the least power of two that is not below a size of at least 1."""
    return 1 << (size - 1).bit_length()
