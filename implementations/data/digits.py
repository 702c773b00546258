"""scikit-learn's handwritten digits: small, real, and there without a network.

They are read from the file that scikit-learn ships, without importing scikit-learn. The file has no split of its own,
so a rule without chance makes one: with the images ordered by class, and within a class as in the file, every fifth
from the first on is for testing. That gives 1,437 and 360, each class in proportion. The same thirteen people wrote
both parts, which makes this test easier than MNIST's.
"""

from __future__ import annotations

import gzip
import zlib

import torch
from torch import Tensor

from implementations.data.images import ImageSet, centre
from implementations.data.sources import LocatedDataSet, locate
from papers.errors import Problem, UserError

BRIGHTEST = 16  # the images' grey levels run from 0 to 16


def load_digits(located: LocatedDataSet | None = None) -> ImageSet:
    """Read the digits as they are: 8×8 images of grey levels 0 to 16, in the order of the file.

    Args:
        located: Where the file is; found with `sources.locate` if not given.

    Raises:
        UserError: If scikit-learn is not installed, or its file is damaged.
    """
    path = (located or locate("digits")).paths["digits.csv.gz"]
    try:
        with gzip.open(path, "rt", encoding="ascii") as lines:
            table = torch.tensor([[int(cell) for cell in line.split(",")] for line in lines])
        images, labels = table[:, :-1].reshape(-1, 8, 8), table[:, -1]
    except (OSError, EOFError, zlib.error, ValueError, IndexError, RuntimeError) as error:
        raise UserError(Problem(f"is not a table of 8×8 digits ({error}); reinstall scikit-learn.", path)) from None
    if images.min() < 0 or images.max() > BRIGHTEST or labels.min() < 0 or labels.max() > 9:
        raise UserError(Problem("holds a grey level or a label out of range; reinstall scikit-learn.", path))
    test = _every_fifth(labels)
    images = images.to(torch.uint8)
    return ImageSet(images[~test], labels[~test], images[test], labels[test])


def load_digits_images(located: LocatedDataSet | None = None) -> ImageSet:
    """Read the digits in MNIST's form: 28×28 images of grey levels 0 to 255, by `enlarge_digits`.

    Args:
        located: Where the file is; found with `sources.locate` if not given.

    Raises:
        UserError: If scikit-learn is not installed, or its file is damaged.
    """
    digits = load_digits(located)
    return ImageSet(
        enlarge_digits(digits.train_images), digits.train_labels, enlarge_digits(digits.test_images), digits.test_labels
    )


def enlarge_digits(images: Tensor) -> Tensor:
    """Bring 8×8 images of grey levels 0 to 16 into MNIST's form.

    MNIST's digits fill a box of 20×20 in the middle of 28×28; so do these, enlarged by bilinear interpolation.

    Args:
        images: `[N, 8, 8]`.

    Returns:
        `uint8 [N, 28, 28]`, 0 to 255.
    """
    tenths = _interpolation(8, 20)
    hundredths = tenths @ images.to(torch.float64) @ tenths.T
    # All numbers so far are integers, so rounding (a half upwards) comes out the same on every machine.
    grey = torch.floor((hundredths * 255 / BRIGHTEST + 50) / 100)
    return centre(grey.to(torch.uint8), 28)


def _interpolation(small: int, large: int) -> Tensor:
    """Return the `[large, small]` matrix of linear interpolation between pixel centres, edges continued outwards.

    It is in tenths, which are whole numbers for 8 pixels on 20: pixel k of the large image lies at (4k - 3) / 10.
    """
    position = ((2 * torch.arange(large) + 1) * 10 * small / (2 * large) - 5).round().clamp(0, 10 * (small - 1))
    distance = (position[:, None] - 10 * torch.arange(small)).abs()
    return (10 - distance).clamp(min=0).to(torch.float64)


def _every_fifth(labels: Tensor) -> Tensor:
    """Return which images are for testing: every fifth, the first among them, of those ordered by class."""
    test = torch.zeros(len(labels), dtype=torch.bool)
    test[labels.argsort(stable=True)[::5]] = True
    return test
