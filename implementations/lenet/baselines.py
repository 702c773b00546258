"""The simpler classifiers of Fig. 9 [@lecun1998gradient, Sec. III-C]. Images are `[N, D]`, float32."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn

from implementations.data.augmentation import warp
from implementations.lenet.model import AMPLITUDE, SLOPE


def deslant(images: Tensor, background: float) -> Tensor:
    """Shear each image horizontally so that its ink stands upright, its centre of mass staying where it is.

    The slope of the ink is its covariance of x and y over its variance in y.

    Args:
        images: `[N, 1, H, W]`, float.
        background: The value of white.
    """
    _, _, height, width = images.shape
    ink = (images - background).double()[:, 0]
    mass = ink.sum((1, 2)).clamp(min=1e-9)
    x = torch.arange(width, dtype=torch.float64, device=images.device) - (width - 1) / 2
    y = torch.arange(height, dtype=torch.float64, device=images.device)[:, None] - (height - 1) / 2
    mean_x, mean_y = (ink * x).sum((1, 2)) / mass, (ink * y).sum((1, 2)) / mass
    dx, dy = x - mean_x[:, None, None], y - mean_y[:, None, None]
    slope = (ink * dx * dy).sum((1, 2)) / (ink * dy * dy).sum((1, 2)).clamp(min=1e-9)
    maps = torch.zeros(len(images), 2, 3, dtype=images.dtype, device=images.device)
    maps[:, 0, 0] = maps[:, 1, 1] = 1
    maps[:, 0, 1] = slope
    maps[:, 0, 2] = -slope * mean_y
    return warp(images, maps, background)


def linear_classifier(images: Tensor, labels: Tensor, tests: Tensor) -> Tensor:
    """One weighted sum per class, fitted by least squares to +1 for the class and -1 for the others.

    Returns:
        The class read for each of `tests`.
    """
    targets = torch.where(labels[:, None] == torch.arange(10, device=labels.device), 1.0, -1.0).double()
    return (_with_bias(tests) @ _least_squares(images, targets)).argmax(1)


def pairwise_linear_classifier(images: Tensor, labels: Tensor, tests: Tensor) -> Tensor:
    """One weighted sum per pair of classes, fitted by least squares; the class that wins most pairs is read.

    Returns:
        The class read for each of `tests`; of equal winners, the one with the larger sum of outputs.
    """
    votes = torch.zeros(len(tests), 10, dtype=torch.float64, device=tests.device)
    for first, second in combinations(range(10), 2):
        pair = (labels == first) | (labels == second)
        targets = torch.where(labels[pair] == first, 1.0, -1.0).double()[:, None]
        output = (_with_bias(tests) @ _least_squares(images[pair], targets))[:, 0]
        margin = output.clamp(-1, 1) * 1e-3  # decides between equal numbers of wins only
        votes[:, first] += (output > 0).double() + margin
        votes[:, second] += (output <= 0).double() - margin
    return votes.argmax(1)


def nearest_neighbours(images: Tensor, labels: Tensor, tests: Tensor, k: int) -> Tensor:
    """The commonest class among the `k` nearest training images by Euclidean distance.

    Returns:
        The class read for each of `tests`; of equally common classes, the one whose nearest image is nearer.
    """
    squares = images.square().sum(1)
    read = []
    for batch in tests.split(500):
        distances = squares - 2 * batch @ images.T  # the test image's own square does not change the order
        near = labels[distances.topk(k, largest=False, sorted=True).indices]  # [B, k]
        weights = 1 - 1e-3 * torch.arange(k, device=images.device)
        votes = torch.zeros(len(batch), 10, device=images.device).scatter_add_(1, near, weights.expand_as(near))
        read.append(votes.argmax(1))
    return torch.cat(read)


def quadratic_classifier(images: Tensor, labels: Tensor, tests: Tensor, components: int) -> Tensor:
    """A least-squares fit on all products of two of the first principal components.

    Args:
        images: `[N, D]`.
        labels: `[N]`.
        tests: `[M, D]`.
        components: How many principal components are kept; 40 in the paper.

    Returns:
        The class read for each of `tests`.
    """
    mean = images.double().mean(0)
    centred = images.double() - mean
    _, vectors = torch.linalg.eigh(centred.T @ centred)  # eigenvalues rise, so the last are the principal ones
    axes = vectors[:, -components:]
    rows, columns = torch.triu_indices(components, components)

    def products(pixels: Tensor) -> Tensor:
        scores = (pixels.double() - mean) @ axes
        return torch.cat([scores[:, rows] * scores[:, columns], scores], 1)

    return linear_classifier(products(images), labels, products(tests))


class MultilayerPerceptron(nn.Module):
    """One hidden layer of squashing units and ten squashing outputs, as in Sec. III-C."""

    def __init__(self, inputs: int, hidden: int, generator: torch.Generator) -> None:
        """Draw the weights uniformly between -2.4/F and 2.4/F, F being the fan-in (Appendix A)."""
        super().__init__()
        self.hidden = nn.Linear(inputs, hidden)
        self.output = nn.Linear(hidden, 10)
        for layer in (self.hidden, self.output):
            for parameter in layer.parameters():
                drawn = torch.rand(parameter.shape, generator=generator)
                parameter.data = (2 * drawn - 1) * (2.4 / layer.in_features)

    def forward(self, images: Tensor) -> Tensor:
        """Map `[N, 1, H, W]` to outputs `[N, 10]` near +1 for the class read and -1 for the others."""
        hidden = AMPLITUDE * torch.tanh(SLOPE * self.hidden(images.flatten(1)))
        return AMPLITUDE * torch.tanh(SLOPE * self.output(hidden))


def squared_error(outputs: Tensor, labels: Tensor) -> Tensor:
    """Squared distance to the targets, +1 for the class and -1 for the others, averaged over the batch."""
    targets = torch.where(labels[:, None] == torch.arange(10, device=labels.device), 1.0, -1.0)
    return (outputs - targets).square().sum(1).mean()


def _with_bias(images: Tensor) -> Tensor:
    return torch.cat([images.double(), images.new_ones(len(images), 1, dtype=torch.float64)], 1)


def _least_squares(images: Tensor, targets: Tensor) -> Tensor:
    """The weights `[D + 1, C]` that minimise the squared error; of several, the smallest."""
    gram = torch.zeros(images.shape[1] + 1, images.shape[1] + 1, dtype=torch.float64, device=images.device)
    moments = torch.zeros(images.shape[1] + 1, targets.shape[1], dtype=torch.float64, device=images.device)
    for part, goal in zip(images.split(10_000), targets.split(10_000), strict=True):  # so that memory stays small
        inputs = _with_bias(part)
        gram += inputs.T @ inputs
        moments += inputs.T @ goal
    ridge = 1e-9 * gram.diagonal().mean()  # pixels that are always white make the system singular
    eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    weights: Tensor = torch.linalg.solve(gram + ridge * eye, moments)
    return weights
