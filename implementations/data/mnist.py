"""MNIST, and the IDX format in which it is published.

An IDX file starts with two zero bytes, a byte for the type of its numbers (8: unsigned bytes) and a byte for how many
dimensions follow, each as four bytes, the highest first; then come the numbers, the last dimension running fastest.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import torch
from torch import Tensor

from implementations.data.images import ImageSet
from implementations.data.sources import LocatedDataSet
from papers.errors import Problem, UserError

UNSIGNED_BYTE = 8
LARGEST = 1 << 30  # bytes; a file that claims more is lying


def load_mnist(located: LocatedDataSet) -> ImageSet:
    """Read MNIST: 60,000 and 10,000 images of 28×28 with labels 0 to 9.

    Args:
        located: Where its four files are, as `sources.locate` or `sources.find_or_fetch` returns it.

    Raises:
        UserError: If a file is damaged or the files do not belong together.
    """
    parts: list[Tensor] = []
    for part in ("train", "t10k"):
        images_path = located.paths[f"{part}-images-idx3-ubyte.gz"]
        labels_path = located.paths[f"{part}-labels-idx1-ubyte.gz"]
        images, labels = read_idx(images_path), read_idx(labels_path)
        if images.shape[1:] != (28, 28):
            raise _wrong(images_path, f"holds an array of {_by(images.shape)}, not images of 28×28")
        if labels.shape != images.shape[:1]:
            raise _wrong(labels_path, f"holds an array of {_by(labels.shape)}, not one label for each of {len(images)}")
        if len(labels) and int(labels.max()) > 9:
            raise _wrong(labels_path, f"holds the label {int(labels.max())}, where only 0 to 9 are digits")
        parts += [images, labels.long()]
    return ImageSet(*parts)


def read_idx(path: Path) -> Tensor:
    """Read an IDX file of unsigned bytes, gzipped if its name ends in `.gz`.

    Returns:
        `uint8`, in the shape that the file gives.

    Raises:
        UserError: If the file cannot be read, is not an IDX file, or holds less or more than it announces.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            # What is read is bounded by what the header announces, so a small file cannot fill the memory.
            shape = _read_header(cast(BinaryIO, stream), path)
            length = math.prod(shape)
            content = bytearray(stream.read(length))
            surplus = stream.read(1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _wrong(path, f"is not a whole gzip file ({error})") from None
    except OSError as error:
        raise _wrong(path, f"cannot be read ({error.strerror or error})") from None
    if len(content) < length:
        raise _wrong(path, f"announces {_by(shape)} numbers and ends after {len(content):,} of {length:,}")
    if surplus:
        raise _wrong(path, f"announces {_by(shape)} numbers and goes on after them")
    if not length:
        return torch.empty(shape, dtype=torch.uint8)
    return torch.frombuffer(content, dtype=torch.uint8).reshape(shape)


def _read_header(stream: BinaryIO, path: Path) -> tuple[int, ...]:
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0":
        raise _wrong(path, f"is not an IDX file: it starts with {start.hex(' ') or 'nothing'}")
    kind, dimensions = start[2], start[3]
    if kind != UNSIGNED_BYTE:
        raise _wrong(path, f"holds numbers of type {kind}, where unsigned bytes are type {UNSIGNED_BYTE}")
    sizes = stream.read(4 * dimensions)
    if not dimensions or len(sizes) < 4 * dimensions:
        raise _wrong(path, "ends within its header" if dimensions else "announces no dimensions")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    if math.prod(shape) > LARGEST:
        raise _wrong(path, f"announces {_by(shape)} numbers, more than any file of this kind holds")
    return shape


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(str(size) for size in shape)


def _wrong(path: Path, what: str) -> UserError:
    return UserError(Problem(f"{what}; move the file away and fetch the data set again.", path))
