"""Counts parameters and connections layer by layer, on the meta device, at full size and in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from implementations.lenet.model import PartialConvolution, RadialBasisFunctions, SubSampling


@dataclass(frozen=True)
class LayerCount:
    """What one layer is made of.

    Attributes:
        shape: Maps, height and width of the output.
        parameters: Trainable parameters.
        connections: Links into the layer's units, biases included, shared parameters counted at each use.
        multiply_adds: Products of an input and a weight; biases and squashing functions do not count.
    """

    shape: tuple[int, int, int]
    parameters: int
    connections: int
    multiply_adds: int


def count_layers(model: nn.Module, side: int) -> dict[str, LayerCount]:
    """Count every layer of a network on the meta device.

    Args:
        model: A network whose children are convolutions, sub-samplings and radial basis functions.
        side: Height and width of the image it reads.

    Returns:
        The counts by the name of the child, in the order in which the network uses them.
    """
    counts: dict[str, LayerCount] = {}

    def note(name: str, layer: nn.Module, output: Tensor) -> None:
        maps, height, width = output.shape[1:]
        weights, biases = _links(layer)
        parameters = sum(parameter.numel() for parameter in layer.parameters())
        positions = height * width
        counts[name] = LayerCount(
            (maps, height, width), parameters, positions * (weights + biases), positions * weights
        )

    hooks = [
        layer.register_forward_hook(lambda layer, _, output, name=name: note(name, layer, output))
        for name, layer in model.named_children()
    ]
    model.to("meta")(torch.empty(1, 1, side, side, device="meta"))
    for hook in hooks:
        hook.remove()
    return counts


def _links(layer: nn.Module) -> tuple[int, int]:
    """The weights and biases that all maps of a layer use at one position."""
    if isinstance(layer, nn.Conv2d):
        return layer.weight.numel(), layer.out_channels
    if isinstance(layer, PartialConvolution):
        return layer.kernels.numel(), layer.bias.numel()
    if isinstance(layer, SubSampling):
        return 4 * layer.coefficient.numel(), layer.bias.numel()
    if isinstance(layer, RadialBasisFunctions):
        return layer.centres.numel(), 0
    raise TypeError(f"no rule to count the links of {type(layer).__name__}")
