"""The stochastic diagonal Levenberg-Marquardt method [@lecun1998gradient, Sec. III-B, Appendix C]."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import overload

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

from implementations.lenet.model import AMPLITUDE, SLOPE, LeNet5, SubSampling, squash


class StochasticDiagonalLevenbergMarquardt(torch.optim.Optimizer):
    """Gradient descent with a step of its own for each parameter [@lecun1998gradient, Eq. 21, Appendix C].

    Parameter k moves by -eta / (mu + h_kk) times its gradient, where h_kk is an estimate of the second derivative of
    the loss, set by `set_curvature` before each pass and kept during it.
    """

    def __init__(self, parameters: Iterable[Tensor], eta: float, mu: float) -> None:
        """Set up the method; the curvature is zero until it is set.

        Args:
            parameters: What is trained.
            eta: The global learning rate.
            mu: Keeps the step finite where the loss is flat.

        Raises:
            ValueError: If `eta` is negative or `mu` is not positive.
        """
        if eta < 0 or mu <= 0:
            raise ValueError(f"eta must not be negative and mu must be positive, not {eta} and {mu}")
        super().__init__(parameters, {"lr": eta, "mu": mu})

    def set_curvature(self, curvature: Mapping[Tensor, Tensor]) -> None:
        """Take the estimates h_kk, one tensor a parameter, of the parameter's shape.

        Raises:
            ValueError: If a parameter has none, or a second derivative is negative.
        """
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter not in curvature:
                    raise ValueError("every parameter needs its curvature")
                h = curvature[parameter]
                if h.shape != parameter.shape or bool((h < 0).any()):
                    raise ValueError("a curvature has its parameter's shape and no negative value")
                self.state[parameter]["h"] = h.clone()

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Move every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    h = self.state[parameter].get("h", torch.zeros_like(parameter))
                    parameter.sub_(group["lr"] * parameter.grad / (group["mu"] + h))
        return loss


@torch.no_grad()
def curvature(model: LeNet5, images: Tensor) -> dict[Tensor, Tensor]:
    """Estimate the diagonal of the second derivatives by back-propagation [@lecun1998gradient, Appendix C].

    With a for a unit's weighted sum, x for its input and f for the squash, and dropping f'' (Gauss-Newton) and all
    terms off the diagonal:

        h(w_ij) = h(a_i) x_j^2        h(x_j) = sum_i w_ij^2 h(a_i)        h(a_i) = f'(a_i)^2 h(x_i)

    A shared parameter gets the sum over its uses; patterns are averaged. At F6, h(x) = 2, the second derivative of
    the squared distance to the right code (question: curvature-of-loss).

    Args:
        model: The network; the centres of its output are left out.
        images: `[N, 1, 32, 32]`; the paper takes 500 patterns.

    Returns:
        For each parameter of C1 to F6, the estimates in its shape.
    """
    x1 = squash(model.c1(images))  # [N, 6, 28, 28]
    x2 = model.s2(x1)
    x3 = squash(model.c3(x2))
    x4 = model.s4(x3)
    x5 = squash(model.c5(x4))
    x6 = squash(model.f6(x5))

    h: dict[Tensor, Tensor] = {}
    weight = model.c3.dense_weight()

    h6 = 2 * _squash_slope(x6) ** 2  # [N, 84, 1, 1]
    h[model.f6.weight] = conv2d_weight(x5**2, model.f6.weight.shape, h6)
    h[_bias(model.f6)] = h6.sum((0, 2, 3))
    h5 = F.conv_transpose2d(h6, model.f6.weight**2) * _squash_slope(x5) ** 2
    h[model.c5.weight] = conv2d_weight(x4**2, model.c5.weight.shape, h5)
    h[_bias(model.c5)] = h5.sum((0, 2, 3))
    h4 = F.conv_transpose2d(h5, model.c5.weight**2) * _squash_slope(x4) ** 2
    h3 = _subsampling_curvature(h, model.s4, x3, h4) * _squash_slope(x3) ** 2
    dense = conv2d_weight(x2**2, list(weight.shape), h3)
    h[model.c3.kernels] = dense.flatten(0, 1)[model.c3.position]
    h[model.c3.bias] = h3.sum((0, 2, 3))
    h2 = F.conv_transpose2d(h3, weight**2) * _squash_slope(x2) ** 2
    h1 = _subsampling_curvature(h, model.s2, x1, h2) * _squash_slope(x1) ** 2
    h[model.c1.weight] = conv2d_weight(images**2, model.c1.weight.shape, h1)
    h[_bias(model.c1)] = h1.sum((0, 2, 3))
    return {parameter: total / len(images) for parameter, total in h.items()}


def _squash_slope(x: Tensor) -> Tensor:
    """f'(a) where f(a) = x."""
    return SLOPE * (AMPLITUDE - x**2 / AMPLITUDE)


def _bias(layer: torch.nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


def _subsampling_curvature(h: dict[Tensor, Tensor], layer: SubSampling, x: Tensor, h_a: Tensor) -> Tensor:
    """Fill in the two parameters of a sub-sampling layer; return the curvature of its inputs `x`."""
    sums = 4 * F.avg_pool2d(x, 2)
    h[layer.coefficient] = (h_a * sums**2).sum((0, 2, 3))
    h[layer.bias] = h_a.sum((0, 2, 3))
    spread = h_a * layer.coefficient[:, None, None] ** 2
    return F.interpolate(spread, scale_factor=2)  # each of the four inputs has the weight `coefficient`
