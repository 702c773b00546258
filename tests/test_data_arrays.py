"""Reading data sets into arrays: the IDX format, MNIST, the digits, and their place in LeNet-5's field."""

from __future__ import annotations

import gzip
import math
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from implementations.data import sources
from implementations.data.digits import enlarge_digits, load_digits, load_digits_images
from implementations.data.images import centre, pad_to_32
from implementations.data.mnist import load_mnist, read_idx
from implementations.data.sources import LocatedDataSet
from papers.errors import UserError


def idx(array: Tensor, kind: int = 8, magic: bytes = b"\0\0") -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return magic + bytes([kind, array.dim()]) + sizes + bytes(array.to(torch.uint8).flatten().tolist())


# IDX


@settings(max_examples=30, deadline=None)
@given(shape=st.lists(st.integers(0, 5), min_size=1, max_size=4), packed=st.booleans())
def test_idx_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], packed: bool
) -> None:
    array = torch.arange(math.prod(shape)).remainder(256).to(torch.uint8).reshape(shape)
    path = tmp_path_factory.mktemp("idx") / ("array.gz" if packed else "array")
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    read = read_idx(path)
    assert read.dtype == torch.uint8
    assert read.shape == array.shape
    assert torch.equal(read, array)


ARRAY = torch.arange(24, dtype=torch.uint8).reshape(4, 3, 2)
DAMAGED = {
    "empty": (b"", "starts with nothing"),
    "magic": (idx(ARRAY, magic=b"\x89P"), "not an IDX file: it starts with 89 50 08 03"),
    "text": (b"<html></html>", "not an IDX file"),
    "floats": (idx(ARRAY, kind=13), "numbers of type 13"),
    "no dimensions": (b"\0\0\x08\0", "announces no dimensions"),
    "header": (idx(ARRAY)[:10], "ends within its header"),
    "too many dimensions": (b"\0\0\x08\xff" + bytes(100), "ends within its header"),
    "short": (idx(ARRAY)[:-1], "announces 4×3×2 numbers and ends after 23 of 24"),
    "long": (idx(ARRAY) + b"\0", "announces 4×3×2 numbers and goes on"),
    "giant": (b"\0\0\x08\x03" + b"\xff" * 12, "more than any file of this kind holds"),
}


@pytest.mark.parametrize(("content", "reason"), DAMAGED.values(), ids=DAMAGED.keys())
@pytest.mark.parametrize("packed", [False, True])
def test_a_lying_idx_file_is_refused_by_name(tmp_path: Path, content: bytes, reason: str, packed: bool) -> None:
    path = tmp_path / ("array.gz" if packed else "array")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(UserError) as caught:
        read_idx(path)
    assert caught.value.problems[0].path == path
    assert reason in str(caught.value)


@pytest.mark.parametrize("keep", [0, 5, 20, -9, -1])
def test_a_truncated_gzip_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "array.gz"
    path.write_bytes(gzip.compress(idx(ARRAY))[:keep])
    with pytest.raises(UserError, match=r"array\.gz: (is not a whole gzip file|is not an IDX file)"):
        read_idx(path)


def test_a_changed_byte_in_a_gzip_file_is_noticed(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(idx(ARRAY)))
    content[-6] ^= 1  # in the checksum at the end
    (tmp_path / "array.gz").write_bytes(content)
    with pytest.raises(UserError, match="not a whole gzip file"):
        read_idx(tmp_path / "array.gz")


def test_what_is_not_gzip_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "array.gz").write_bytes(idx(ARRAY))
    with pytest.raises(UserError, match="not a whole gzip file"):
        read_idx(tmp_path / "array.gz")
    with pytest.raises(UserError, match="cannot be read"):
        read_idx(tmp_path / "missing")
    with pytest.raises(UserError, match="cannot be read"):
        read_idx(tmp_path)


# MNIST


def located(folder: Path, **changed: Tensor) -> LocatedDataSet:
    """Write a tiny MNIST: three images to train on and two to test on."""
    generator = torch.Generator().manual_seed(1)
    arrays = {
        "train-images-idx3": torch.randint(256, (3, 28, 28), dtype=torch.uint8, generator=generator),
        "train-labels-idx1": torch.tensor([5, 0, 9]),
        "t10k-images-idx3": torch.randint(256, (2, 28, 28), dtype=torch.uint8, generator=generator),
        "t10k-labels-idx1": torch.tensor([7, 2]),
    }
    arrays |= {name.replace("_", "-"): array for name, array in changed.items()}
    paths = {}
    for name, array in arrays.items():
        path = folder / f"{name}-ubyte.gz"
        path.write_bytes(gzip.compress(idx(array)))
        paths[path.name] = path
    return LocatedDataSet("mnist", folder, "made here", paths)


def test_mnist_is_read_as_published(tmp_path: Path) -> None:
    images = load_mnist(located(tmp_path))
    assert images.train_images.shape == (3, 28, 28)
    assert images.train_images.dtype == images.test_images.dtype == torch.uint8
    assert images.train_labels.tolist() == [5, 0, 9]
    assert images.test_labels.tolist() == [7, 2]
    assert images.test_labels.dtype == torch.int64
    again = read_idx(tmp_path / "t10k-images-idx3-ubyte.gz")
    assert torch.equal(images.test_images, again)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"train_labels_idx1": torch.tensor([1, 2])},
            r"train-labels\S+: holds an array of 2, not one label for each of 3",
        ),
        ({"t10k_labels_idx1": torch.tensor([[1], [2]])}, r"t10k-labels\S+: holds an array of 2×1"),
        ({"t10k_labels_idx1": torch.tensor([1, 10])}, r"t10k-labels\S+: holds the label 10"),
        ({"train_images_idx3": torch.zeros(3, 28, 27)}, r"train-images\S+: holds an array of 3×28×27"),
        ({"train_images_idx3": torch.zeros(3, 784)}, r"train-images\S+: holds an array of 3×784"),
    ],
)
def test_mnist_files_that_do_not_fit_are_refused(tmp_path: Path, changed: dict[str, Tensor], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_mnist(located(tmp_path, **changed))


@pytest.mark.data
def test_the_real_mnist_is_what_everybody_knows() -> None:
    images = load_mnist(sources.locate("mnist"))
    assert images.train_images.shape == (60_000, 28, 28)
    assert images.test_images.shape == (10_000, 28, 28)
    assert images.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert images.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert images.train_labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert images.test_labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    share = images.train_images.flatten().bincount(minlength=256).double() / images.train_images.numel()
    grey = torch.arange(256) / 255
    mean = (share * grey).sum().item()
    assert mean == pytest.approx(0.1307, abs=5e-5)
    assert ((share * (grey - mean) ** 2).sum() ** 0.5).item() == pytest.approx(0.3081, abs=5e-5)


@pytest.mark.data
def test_unpacked_mnist_in_torchvisions_folder_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = sources.locate("mnist")
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, path in packed.paths.items():
        content = path.read_bytes()
        (raw / name.removesuffix(".gz")).write_bytes(gzip.decompress(content) if path.suffix == ".gz" else content)
    unpacked = sources.locate("mnist", tmp_path)
    assert {path.parent for path in unpacked.paths.values()} == {raw}
    first, second = load_mnist(packed), load_mnist(unpacked)
    assert torch.equal(first.train_images, second.train_images)
    assert torch.equal(first.test_labels, second.test_labels)
    os.truncate(raw / "train-labels-idx1-ubyte", 100)
    with pytest.raises(UserError, match="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"):
        sources.locate("mnist", tmp_path)


# The digits


def test_the_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits as reference

    theirs, ours = reference(), load_digits()
    images, labels = torch.from_numpy(theirs.images).to(torch.uint8), torch.from_numpy(theirs.target)
    test = torch.zeros(len(labels), dtype=torch.bool)
    by_class = sorted(range(len(labels)), key=lambda i: (int(labels[i]), i))
    test[by_class[::5]] = True
    assert torch.equal(ours.train_images, images[~test])
    assert torch.equal(ours.train_labels, labels[~test])
    assert torch.equal(ours.test_images, images[test])
    assert torch.equal(ours.test_labels, labels[test])


def test_the_digits_are_split_as_announced_with_each_class_in_proportion() -> None:
    digits = load_digits_images()
    splits = sources.DATA_SETS["digits"].splits
    assert splits == {"train": len(digits.train_images), "test": len(digits.test_images)}
    train, test = digits.train_labels.bincount(), digits.test_labels.bincount()
    assert len(train) == len(test) == 10
    assert ((test - (train + test) / 5).abs() < 1).all()


def test_enlarged_digits_are_interpolated_linearly_in_the_middle_of_the_field() -> None:
    images = load_digits().test_images
    large = enlarge_digits(images)
    assert large.shape == (360, 28, 28)
    assert large.dtype == torch.uint8
    assert large.max() == 255
    inside = torch.nn.functional.interpolate(images[:, None].double(), size=(20, 20), mode="bilinear")[:, 0]
    assert (large[:, 4:24, 4:24] - inside * 255 / 16).abs().max() <= 0.5 + 1e-9
    large[:, 4:24, 4:24] = 0
    assert large.max() == 0


def test_enlarging_reaches_both_ends_of_the_grey_scale() -> None:
    assert torch.equal(enlarge_digits(torch.full((1, 8, 8), 16))[:, 4:24, 4:24], torch.full((1, 20, 20), 255))
    assert enlarge_digits(torch.zeros(1, 8, 8)).max() == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"1,2,3\n", "not a table"),
        (b"", "not a table"),
        (b"a,b\n", "not a table"),
        (b"1,2\n1,2,3\n", "not a table"),
        (",".join(["17"] * 64 + ["3"]).encode(), "out of range"),
        (",".join(["16"] * 64 + ["10"]).encode(), "out of range"),
        (",".join(["-1"] * 64 + ["1"]).encode(), "out of range"),
    ],
)
def test_a_damaged_file_of_digits_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "digits.csv.gz"
    path.write_bytes(gzip.compress(content))
    place = LocatedDataSet("digits", tmp_path, "made here", {path.name: path})
    with pytest.raises(UserError, match=reason):
        load_digits(place)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match="not a table"):
        load_digits(place)


# The field


def test_padding_puts_mnist_in_the_middle_of_32_by_32() -> None:
    images = torch.randint(1, 256, (2, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    padded = pad_to_32(images)
    assert padded.shape == (2, 32, 32)
    assert padded.dtype == torch.uint8
    assert torch.equal(padded[:, 2:30, 2:30], images)
    assert int((padded > 0).sum()) == images.numel()


def test_what_does_not_fit_into_the_field_is_an_error() -> None:
    with pytest.raises(ValueError, match="33×20 do not fit into 32×32"):
        pad_to_32(torch.zeros(1, 33, 20))
    assert centre(torch.ones(1, 1, 2), 4)[0].tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
