"""The network that the world calls LeNet-5: 61,706 parameters, none of the paper's peculiarities. For comparison."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ModernLeNet5(nn.Module):
    """The usual modern variant: every map of C3 sees every map of S2, plain pooling, ReLU, and logits.

    Parameters: 156 + 2,416 + 48,120 + 10,164 + 850 = 61,706.
    """

    def __init__(self) -> None:
        """Build the network with PyTorch's own initialisation."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 5),  # [N, 6, 28, 28]
            nn.ReLU(),
            nn.MaxPool2d(2),  # [N, 6, 14, 14]
            nn.Conv2d(6, 16, 5),  # [N, 16, 10, 10]
            nn.ReLU(),
            nn.MaxPool2d(2),  # [N, 16, 5, 5]
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map `[N, 1, 32, 32]` to logits `[N, 10]`; the largest wins."""
        logits: Tensor = self.layers(images)
        return logits


def initialised(generator_seed: int) -> ModernLeNet5:
    """Return the network with parameters that depend on the seed alone, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator_seed)
        return ModernLeNet5()
