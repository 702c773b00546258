"""The stochastic diagonal Levenberg-Marquardt method against slow and obvious versions of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from implementations.lenet.model import AMPLITUDE, SLOPE, Initialisation, LeNet5, maximum_a_posteriori_loss
from implementations.lenet.online import SideBySide
from implementations.lenet.optimizer import StochasticDiagonalLevenbergMarquardt, curvature
from implementations.training.randomness import generator


def lenet(seed: int) -> LeNet5:
    return LeNet5(Initialisation(generator(seed, "optimizer test"), power=0.5)).double()


def random_images(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=generator("images", *shape)) * 1.275 - 0.1


def test_a_step_by_hand() -> None:
    parameter = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = StochasticDiagonalLevenbergMarquardt([parameter], eta=0.5, mu=0.02)
    optimizer.set_curvature({parameter: torch.tensor([0.48, 0.98])})
    parameter.grad = torch.tensor([0.1, 0.2])
    optimizer.step()
    torch.testing.assert_close(parameter.detach(), torch.tensor([1 - 0.5 / 0.5 * 0.1, -2 - 0.5 / 1.0 * 0.2]))


def test_without_curvature_the_step_is_eta_over_mu() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = StochasticDiagonalLevenbergMarquardt([parameter], eta=0.001, mu=0.02)
    parameter.grad = torch.ones(1)
    optimizer.step()
    assert parameter.item() == pytest.approx(-0.05)


def test_impossible_settings_are_refused() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2))
    for eta, mu in ((-1.0, 0.02), (0.1, 0.0)):
        with pytest.raises(ValueError, match="must"):
            StochasticDiagonalLevenbergMarquardt([parameter], eta=eta, mu=mu)
    optimizer = StochasticDiagonalLevenbergMarquardt([parameter], eta=0.1, mu=0.02)
    with pytest.raises(ValueError, match="needs its curvature"):
        optimizer.set_curvature({})
    with pytest.raises(ValueError, match="no negative"):
        optimizer.set_curvature({parameter: torch.tensor([1.0, -1.0])})


def test_the_state_survives_saving() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = StochasticDiagonalLevenbergMarquardt([parameter], eta=0.1, mu=0.02)
    optimizer.set_curvature({parameter: torch.tensor([0.08])})
    restored = StochasticDiagonalLevenbergMarquardt([parameter], eta=9.0, mu=9.0)
    restored.load_state_dict(optimizer.state_dict())
    parameter.grad = torch.ones(1)
    restored.step()
    assert parameter.item() == pytest.approx(-1.0)


def slow_curvature(model: LeNet5, images: Tensor) -> dict[str, Tensor]:
    """Appendix C use by use: every use of a shared parameter is listed, and its second derivative added.

    Each convolution is written as a matrix from all its inputs to all its outputs, so that back-propagation is a
    product with the squared matrix, and nothing knows of convolutions.
    """
    totals: dict[str, Tensor] = {name: torch.zeros_like(p) for name, p in model.named_parameters()}

    def slope(x: Tensor) -> Tensor:
        return SLOPE * (AMPLITUDE - x**2 / AMPLITUDE)

    def convolution_back(name: str, dense: Tensor, x: Tensor, h: Tensor) -> Tensor:
        """Add up h over the uses of each weight of `[O, I, K, K]`; return the curvature of the inputs x `[I, H, W]`."""
        back = torch.zeros_like(x)
        uses = torch.zeros_like(dense)
        biases = torch.zeros(len(dense), dtype=x.dtype)
        side = dense.shape[-1]
        for out in range(h.shape[0]):
            for row in range(h.shape[1]):
                for column in range(h.shape[2]):
                    window = (slice(None), slice(row, row + side), slice(column, column + side))
                    uses[out] += h[out, row, column] * x[window] ** 2
                    back[window] += h[out, row, column] * dense[out] ** 2
                    biases[out] += h[out, row, column]
        if name == "c3":
            listed = [uses[out, source] for out, table in enumerate(model.c3.table) for source in table]
            totals["c3.kernels"] += torch.stack(listed)
        else:
            totals[f"{name}.weight"] += uses
        totals[f"{name}.bias"] += biases
        return back

    def subsampling_back(name: str, x: Tensor, h: Tensor) -> Tensor:
        coefficient = model.get_submodule(name).get_parameter("coefficient")
        back = torch.zeros_like(x)
        for m in range(h.shape[0]):
            for row in range(h.shape[1]):
                for column in range(h.shape[2]):
                    field = (m, slice(2 * row, 2 * row + 2), slice(2 * column, 2 * column + 2))
                    totals[f"{name}.coefficient"][m] += h[m, row, column] * x[field].sum() ** 2
                    totals[f"{name}.bias"][m] += h[m, row, column]
                    back[field] += h[m, row, column] * coefficient[m] ** 2
        return back

    with torch.no_grad():
        for image in images:
            x1 = AMPLITUDE * torch.tanh(SLOPE * model.c1(image[None])[0])
            x2 = model.s2(x1[None])[0]
            x3 = AMPLITUDE * torch.tanh(SLOPE * model.c3(x2[None])[0])
            x4 = model.s4(x3[None])[0]
            x5 = AMPLITUDE * torch.tanh(SLOPE * model.c5(x4[None])[0])
            x6 = model.features(image[None])[0]
            h = 2 * slope(x6) ** 2
            h = convolution_back("f6", model.f6.weight, x5, h) * slope(x5) ** 2
            h = convolution_back("c5", model.c5.weight, x4, h) * slope(x4) ** 2
            h = subsampling_back("s4", x3, h) * slope(x3) ** 2
            h = convolution_back("c3", model.c3.dense_weight(), x2, h) * slope(x2) ** 2
            h = subsampling_back("s2", x1, h) * slope(x1) ** 2
            convolution_back("c1", model.c1.weight, image, h)
    return {name: total / len(images) for name, total in totals.items()}


def test_curvature_equals_the_slow_version() -> None:
    model = lenet(0)
    images = random_images(2, 1, 32, 32)
    fast = curvature(model, images)
    slow = slow_curvature(model, images)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(fast[parameter], slow[name], msg=f"the curvature of {name} differs")
        assert (fast[parameter] >= 0).all()


def test_curvature_of_the_last_biases_is_the_true_second_derivative() -> None:
    """Where the approximations do not bite, autograd must agree: b_k of F6 moves x_k alone.

    The exact second derivative of the squared distance is 2 f'^2 + 2 (x - w) f''; Gauss-Newton drops the second part,
    which vanishes if the code equals the activity.
    """
    model = lenet(1)
    image = random_images(1, 1, 32, 32)
    activity = model.features(image).detach()
    bias = model.f6.bias
    assert bias is not None

    def distance(b: Tensor) -> Tensor:
        x = AMPLITUDE * torch.tanh(SLOPE * (model.f6(squashed)[0, :, 0, 0] - bias + b))
        return (x - activity[0, :, 0, 0]).square().sum()

    x = AMPLITUDE * torch.tanh(SLOPE * model.c1(image))
    x = AMPLITUDE * torch.tanh(SLOPE * model.c3(model.s2(x)))
    squashed = (AMPLITUDE * torch.tanh(SLOPE * model.c5(model.s4(x)))).detach()
    hessian = torch.autograd.functional.hessian(distance, bias.detach())
    torch.testing.assert_close(curvature(model, image)[bias], hessian.diagonal())


@pytest.mark.parametrize("j", [0.1, 1.0, 60.0])
def test_side_by_side_equals_one_by_one(j: float) -> None:
    """The stacked networks with written-out derivatives against LeNet5, autograd and the optimiser."""
    models = [lenet(seed) for seed in range(3)]
    together = SideBySide(models, j)
    patterns = random_images(3, 10, 1, 32, 32)
    together.set_step_sizes(5e-4, 0.02, patterns)
    optimizers = []
    for model, own in zip(models, patterns, strict=True):
        optimizer = StochasticDiagonalLevenbergMarquardt(model.parameters(), 5e-4, 0.02)
        optimizer.set_curvature(curvature(model, own))
        optimizers.append(optimizer)
    for step in range(5):
        images = torch.rand(3, 32, 32, dtype=torch.float64, generator=generator("step", step)) * 1.275 - 0.1
        labels = torch.randint(0, 10, (3,), generator=generator("labels", step))
        together.update(images, labels)
        for model, optimizer, image, label in zip(models, optimizers, images, labels, strict=True):
            optimizer.zero_grad()
            maximum_a_posteriori_loss(model(image[None, None]), label[None], j).backward()
            optimizer.step()
    for index, model in enumerate(models):
        for (name, expected), found in zip(model.named_parameters(), together.model(index).parameters(), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10, msg=f"{name} differs")
    # Connections that do not exist stay zero, and their steps are zero.
    dense = models[0].c3.dense_weight().reshape(16, 150)
    assert torch.equal(together.parameters[4][0] == 0, dense == 0)


def test_side_by_side_survives_saving() -> None:
    models = [lenet(seed) for seed in range(2)]
    first = SideBySide(models, 1.0)
    first.set_step_sizes(5e-4, 0.02, random_images(2, 5, 1, 32, 32))
    second = SideBySide([lenet(7), lenet(8)], 1.0)
    second.load_state_dict(first.state_dict())
    image, label = random_images(2, 32, 32), torch.tensor([3, 4])
    first.update(image, label)
    second.update(image, label)
    for one, two in zip(first.parameters, second.parameters, strict=True):
        assert torch.equal(one, two)
