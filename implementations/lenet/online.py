"""Several LeNet-5 side by side, trained one pattern per update as in the paper [@lecun1998gradient, Sec. III-B].

On-line training cannot be made faster with mini-batches without becoming another method. But runs with different seeds
are independent of one another, so their parameters are stacked along a first dimension and every operation does all of
them at once. The arithmetic is that of `LeNet5`, `maximum_a_posteriori_loss` and
`StochasticDiagonalLevenbergMarquardt`, with the derivatives written out; the tests hold the two equal.

Shapes: R is the number of runs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from implementations.lenet.model import AMPLITUDE, SLOPE, LeNet5
from implementations.lenet.optimizer import curvature


class SideBySide:
    """The parameters of several LeNet-5 in stacked tensors, and the on-line update of all of them."""

    def __init__(self, models: Sequence[LeNet5], j: float) -> None:
        """Copy the parameters of `models`; `j` is the constant of Eq. 9."""
        self.runs = len(models)
        self.device = next(models[0].parameters()).device
        self.parameters = [_stack([_as_matrices(model)[name] for model in models]) for name in _as_matrices(models[0])]
        self.step_sizes = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.rubbish = self.parameters[0].new_full((self.runs, 1), -j)
        self.codes = models[0].output.centres.detach()
        self.run_index = torch.arange(self.runs, device=self.device)
        self.c3_steps = torch.empty_like(self.parameters[4])
        self.c5_steps = torch.empty_like(self.parameters[8])
        self.f6_steps = torch.empty_like(self.parameters[10])

    def model(self, run: int) -> LeNet5:
        """Return one of the networks as a `LeNet5` of its own."""
        model = LeNet5().to(self.parameters[0])
        with torch.no_grad():
            for parameter, stacked in zip(_as_matrices(model).values(), self.parameters, strict=True):
                parameter.copy_(stacked[run].reshape(parameter.shape))
            # C3 is kept dense here and as a list of kernels in the model.
            dense = self.parameters[4][run].view(-1, *model.c3.kernels.shape[1:])
            model.c3.kernels.copy_(dense[model.c3.position])
        return model

    def set_step_sizes(self, eta: float, mu: float, images: Tensor) -> None:
        """Set eta / (mu + h_kk) of every parameter, to be kept for a pass [@lecun1998gradient, Eq. 21, Appendix C].

        Args:
            eta: The global learning rate of the pass.
            mu: Keeps the steps finite.
            images: `[R, N, 1, 32, 32]`, the patterns on which each run estimates its second derivatives.
        """
        for run in range(self.runs):
            model = self.model(run)
            h = curvature(model, images[run])
            steps = LeNet5().to(h[model.c1.weight])
            with torch.no_grad():
                for target, parameter in zip(steps.parameters(), model.parameters(), strict=True):
                    target.copy_(eta / (mu + h[parameter]))
            for stacked, matrix in zip(self.step_sizes, _as_matrices(steps).values(), strict=True):
                stacked[run] = matrix.reshape(stacked[run].shape)  # absent connections get the step zero

    def step_size_ranges(self) -> list[tuple[float, float]]:
        """Return the least and the greatest step size of each run."""
        ranges = []
        for run in range(self.runs):
            steps = torch.cat([stacked[run].flatten() for stacked in self.step_sizes])
            steps = steps[steps > 0]  # zero stands for a connection that does not exist
            ranges.append((steps.min().item(), steps.max().item()))
        return ranges

    @torch.inference_mode()
    def update(self, images: Tensor, labels: Tensor) -> None:
        """Show one pattern to each network and move its parameters.

        Args:
            images: `[R, 32, 32]`, contiguous, scaled as the paper scales them.
            labels: `[R]`.
        """
        runs = self.runs
        w1, b1, c2, b2, w3, b3, c4, b4, w5, b5, w6, b6 = self.parameters

        # Forward, keeping the activities x of every layer.
        fields1 = images.as_strided((runs, 5, 5, 28, 28), (1024, 32, 1, 32, 1)).reshape(runs, 25, 784)
        x1 = _squash(torch.baddbmm(b1, w1, fields1))  # [R, 6, 784]
        sums2 = F.avg_pool2d(x1.view(runs, 6, 28, 28), 2).mul_(4)
        x2 = _squash((sums2 * c2).add_(b2))  # [R, 6, 14, 14]
        fields3 = x2.as_strided((runs, 6, 5, 5, 10, 10), (1176, 196, 14, 1, 14, 1)).reshape(runs, 150, 100)
        x3 = _squash(torch.baddbmm(b3, w3, fields3))  # [R, 16, 100]
        sums4 = F.avg_pool2d(x3.view(runs, 16, 10, 10), 2).mul_(4)
        x4 = _squash((sums4 * c4).add_(b4)).view(runs, 400, 1)
        x5 = _squash(torch.baddbmm(b5, w5, x4))  # [R, 120, 1]
        x6 = _squash(torch.baddbmm(b6, w6, x5)).squeeze(2)  # [R, 84]

        # Eq. 9: dE/dy is 1 for the right class, less the share that each class has in the competition.
        penalties = (x6[:, None] - self.codes).square().sum(2)  # [R, 10]
        slope = torch.softmax(torch.cat([-penalties, self.rubbish], 1), 1)[:, :10].neg_()
        slope[self.run_index, labels] += 1

        # Backward: d is dE/da of a layer, a its weighted sums.
        d6 = (x6 * slope.sum(1, keepdim=True) - slope @ self.codes).mul_(2).mul_(_squash_slope(x6)).unsqueeze(2)
        d5 = torch.bmm(w6.mT, d6).mul_(_squash_slope(x5))
        d4 = torch.bmm(w5.mT, d5).mul_(_squash_slope(x4)).view(runs, 16, 5, 5)
        d3 = F.interpolate(d4 * c4, scale_factor=2).view(runs, 16, 100).mul_(_squash_slope(x3))
        d2 = F.fold(torch.bmm(w3.mT, d3), (14, 14), 5).mul_(_squash_slope(x2))
        d1 = F.interpolate(d2 * c2, scale_factor=2).view(runs, 6, 784).mul_(_squash_slope(x1))

        e1, eb1, ec2, eb2, e3, eb3, ec4, eb4, e5, eb5, e6, eb6 = self.step_sizes
        w1.addcmul_(e1, torch.bmm(d1, fields1.mT), value=-1)
        b1.addcmul_(eb1, d1.sum(2, keepdim=True), value=-1)
        c2.addcmul_(ec2, (d2 * sums2).sum((2, 3), keepdim=True), value=-1)
        b2.addcmul_(eb2, d2.sum((2, 3), keepdim=True), value=-1)
        w3.addcmul_(e3, torch.bmm(d3, fields3.mT, out=self.c3_steps), value=-1)
        b3.addcmul_(eb3, d3.sum(2, keepdim=True), value=-1)
        c4.addcmul_(ec4, (d4 * sums4).sum((2, 3), keepdim=True), value=-1)
        b4.addcmul_(eb4, d4.sum((2, 3), keepdim=True), value=-1)
        w5.sub_(torch.mul(e5, d5, out=self.c5_steps).mul_(x4.mT))
        b5.addcmul_(eb5, d5, value=-1)
        w6.sub_(torch.mul(e6, d6, out=self.f6_steps).mul_(x5.mT))
        b6.addcmul_(eb6, d6, value=-1)

    def state_dict(self) -> dict[str, list[Tensor]]:
        """Return what a checkpoint needs."""
        return {"parameters": self.parameters, "step_sizes": self.step_sizes}

    def load_state_dict(self, state: dict[str, list[Tensor]]) -> None:
        """Restore what `state_dict` returned."""
        for mine, saved in ((self.parameters, state["parameters"]), (self.step_sizes, state["step_sizes"])):
            for tensor, value in zip(mine, saved, strict=True):
                tensor.copy_(value)


def _as_matrices(model: LeNet5) -> dict[str, Tensor]:
    """The parameters in the shapes that `update` works with, C3 dense; views of the model but for C3's weight."""
    c1, c3, c5, f6 = model.c1, model.c3, model.c5, model.f6
    assert c1.bias is not None and c5.bias is not None and f6.bias is not None
    return {
        "c1": c1.weight.detach().view(6, 25),
        "c1 bias": c1.bias.detach().view(6, 1),
        "s2": model.s2.coefficient.detach().view(6, 1, 1),
        "s2 bias": model.s2.bias.detach().view(6, 1, 1),
        "c3": c3.dense_weight().detach().view(16, 150),
        "c3 bias": c3.bias.detach().view(16, 1),
        "s4": model.s4.coefficient.detach().view(16, 1, 1),
        "s4 bias": model.s4.bias.detach().view(16, 1, 1),
        "c5": c5.weight.detach().view(120, 400),
        "c5 bias": c5.bias.detach().view(120, 1),
        "f6": f6.weight.detach().view(84, 120),
        "f6 bias": f6.bias.detach().view(84, 1),
    }


def _stack(matrices: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(matrices)).contiguous()


def _squash(a: Tensor) -> Tensor:
    """f(a), in place."""
    return a.mul_(SLOPE).tanh_().mul_(AMPLITUDE)


def _squash_slope(x: Tensor) -> Tensor:
    """f'(a) where f(a) = x."""
    return (x * x).mul_(-SLOPE / AMPLITUDE).add_(AMPLITUDE * SLOPE)
