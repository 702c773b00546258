"""The simpler classifiers against scikit-learn and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from implementations.data.augmentation import warp
from implementations.data.digits import load_digits
from implementations.lenet import baselines
from implementations.training.randomness import generator


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    data = load_digits()
    train, test = data.train_images.flatten(1).float(), data.test_images.flatten(1).float()
    return train, data.train_labels, test, data.test_labels


def targets(labels: np.ndarray) -> np.ndarray:
    return np.where(labels[:, None] == np.arange(10), 1.0, -1.0)


def with_bias(images: np.ndarray) -> np.ndarray:
    return np.concatenate([images.astype(np.float64), np.ones((len(images), 1))], axis=1)


def test_the_linear_classifier_is_least_squares(digits: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    train, labels, test, truth = digits
    read = baselines.linear_classifier(train, labels, test)
    weights, *_ = np.linalg.lstsq(with_bias(train.numpy()), targets(labels.numpy()), rcond=None)
    assert read.tolist() == (with_bias(test.numpy()) @ weights).argmax(1).tolist()
    assert (read != truth).float().mean() < 0.1


def test_pairs_vote(digits: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    train, labels, test, truth = digits
    read = baselines.pairwise_linear_classifier(train, labels, test)
    votes = np.zeros((len(test), 10))
    for first in range(10):
        for second in range(first + 1, 10):
            pair = ((labels == first) | (labels == second)).numpy()
            goal = np.where(labels.numpy()[pair] == first, 1.0, -1.0)
            weights, *_ = np.linalg.lstsq(with_bias(train.numpy()[pair]), goal, rcond=None)
            wins = with_bias(test.numpy()) @ weights > 0
            votes[:, first] += wins
            votes[:, second] += ~wins
    most = votes.max(1)
    assert all(votes[row, choice] == most[row] for row, choice in enumerate(read.tolist()))
    linear = baselines.linear_classifier(train, labels, test)
    assert (read != truth).sum() < (linear != truth).sum()


@pytest.mark.parametrize("k", [1, 3, 5])
def test_nearest_neighbours_agree_with_scikit_learn(digits: tuple[Tensor, Tensor, Tensor, Tensor], k: int) -> None:
    train, labels, test, _ = digits
    read = baselines.nearest_neighbours(train, labels, test, k)
    other = KNeighborsClassifier(k).fit(train.numpy(), labels.numpy())
    votes = np.stack([np.bincount(labels.numpy()[near], minlength=10) for near in other.kneighbors(test.numpy())[1]])
    agree = sum(votes[row, choice] == votes[row].max() for row, choice in enumerate(read.tolist()))
    assert agree >= len(test) - 1  # equal distances may be listed in another order


def test_the_quadratic_classifier_fits_products_of_components(digits: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    train, labels, test, truth = digits
    read = baselines.quadratic_classifier(train, labels, test, components=8)
    pca = PCA(8, svd_solver="full").fit(train.numpy().astype(np.float64))

    def products(images: np.ndarray) -> np.ndarray:
        scores = pca.transform(images.astype(np.float64))
        rows, columns = np.triu_indices(8)
        return np.concatenate([scores[:, rows] * scores[:, columns], scores], axis=1)

    weights, *_ = np.linalg.lstsq(with_bias(products(train.numpy())), targets(labels.numpy()), rcond=None)
    assert read.tolist() == (with_bias(products(test.numpy())) @ weights).argmax(1).tolist()
    assert (read != truth).float().mean() < 0.1


def test_deslanting_undoes_a_shear() -> None:
    upright = torch.full((1, 1, 28, 28), -0.1)
    upright[..., 6:22, 12:16] = 1.0
    for slope in (-0.4, 0.3):
        shear = torch.tensor([[[1.0, slope, 0.0], [0.0, 1.0, 0.0]]])
        slanted = warp(upright, shear, -0.1)
        restored = baselines.deslant(slanted, -0.1)
        assert (slanted - upright).abs().mean() > 3 * (restored - upright).abs().mean()
        assert (restored - upright).abs().mean() < 0.02


def test_deslanting_leaves_the_upright_and_the_empty_alone() -> None:
    images = torch.full((2, 1, 28, 28), -0.1)
    images[1, :, 5:20, 10:14] = 1.0
    torch.testing.assert_close(baselines.deslant(images, -0.1), images, atol=1e-5, rtol=0)


def test_squared_error_by_hand() -> None:
    outputs = torch.zeros(1, 10)
    outputs[0, 2] = 0.5
    assert baselines.squared_error(outputs, torch.tensor([2])).item() == pytest.approx(0.25 + 9)


def test_the_perceptron_squashes_twice() -> None:
    model = baselines.MultilayerPerceptron(6, 4, generator("perceptron"))
    images = torch.rand(3, 1, 2, 3, generator=generator("pixels"))
    hidden = 1.7159 * torch.tanh(2 / 3 * (images.flatten(1) @ model.hidden.weight.T + model.hidden.bias))
    expected = 1.7159 * torch.tanh(2 / 3 * (hidden @ model.output.weight.T + model.output.bias))
    torch.testing.assert_close(model(images), expected)
    assert model.hidden.weight.abs().max() <= 2.4 / 6
