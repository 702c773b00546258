"""LeNet-5 as in the paper [@lecun1998gradient, Sec. II-B]: not the network that the world calls LeNet-5.

Expected: exactly 60,000 trainable parameters and 340,908 connections, checked layer by layer by the experiment
`structure`. Read top to bottom with Fig. 2 of the paper beside it:

    INPUT  1@32x32
    C1     6@28x28    convolution 5x5
    S2     6@14x14    sub-sampling: sum of 2x2, coefficient, bias, squash
    C3    16@10x10    convolution 5x5, each map from some maps of S2 only (Table I)
    S4    16@5x5      sub-sampling
    C5   120@1x1      convolution 5x5 over all maps of S4
    F6    84          full connection
    OUTPUT 10         Euclidean radial basis functions, whose fixed centres are 7x12 bitmaps of the digits
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

AMPLITUDE = 1.7159  # A of Eq. 6, chosen in Appendix A so that f(1) = 1 and f(-1) = -1
SLOPE = 2 / 3  # S of Eq. 6

BACKGROUND = -0.1  # input value of white, Sec. II-B
FOREGROUND = 1.175  # input value of black, Sec. II-B

# Table I: the maps of S2 that each map of C3 is connected to.
C3_TABLE: tuple[tuple[int, ...], ...] = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)

# The ten digits of Fig. 3, 7 wide and 12 high, side by side: '#' is +1 and '.' is -1. Second-hand; see
# question: bitmaps.
DIGIT_BITMAPS = """
.#####.  ...##..  .#####.  #######  .#####.  .#####.  ..####.  #######  .#####.  .#####.
.......  ..###..  .......  .....##  .......  .......  .##....  .....##  ##...##  ##..###
..###..  .####..  .#####.  ....##.  .......  #######  ##.....  .....##  ##...##  ##...##
.##.##.  ...##..  ##...##  ...##..  .##..##  ##.....  ##.....  ....##.  ##...##  ##...##
##...##  ...##..  #....##  ..####.  .##..##  ##.....  ######.  ...##..  .#####.  ##..###
##...##  ...##..  ....##.  .....##  ###..##  .####..  ###..##  ...##..  ##...##  .######
##...##  ...##..  ..###..  .....##  ##...##  ..####.  ##...##  ..##...  ##...##  .....##
##...##  ...##..  .##....  .....##  ##...##  .....##  ##...##  ..##...  ##...##  .....##
.##.##.  ...##..  ##.....  ##...##  ##..###  ##...##  ###..##  ..##...  ##...##  ....##.
..###..  .######  #######  .#####.  .######  .#####.  .#####.  ..##...  .#####.  .####..
.......  .......  .......  .......  .....##  .......  .......  .......  .......  .......
.......  .......  .......  .......  .....##  .......  .......  .......  .......  .......
"""


def digit_codes() -> Tensor:
    """Return the centres of the output units, +1 and -1, `[10, 84]` [@lecun1998gradient, Sec. II-B, Fig. 3]."""
    rows = [line.split() for line in DIGIT_BITMAPS.split("\n") if line]
    digits = ["".join(row[digit] for row in rows) for digit in range(10)]
    return torch.tensor([[1.0 if cell == "#" else -1.0 for cell in digit] for digit in digits])


def scale_pixels(pixels: Tensor) -> Tensor:
    """Map bytes, 0 for white and 255 for black, to the input values of the paper [@lecun1998gradient, Sec. II-B].

    Args:
        pixels: `[...]`, uint8.

    Returns:
        `[...]`, float32, from -0.1 to 1.175.
    """
    return pixels.to(torch.float32) * ((FOREGROUND - BACKGROUND) / 255) + BACKGROUND


def squash(a: Tensor) -> Tensor:
    """The scaled hyperbolic tangent f(a) = A tanh(S a) [@lecun1998gradient, Eq. 6, Appendix A]."""
    return AMPLITUDE * torch.tanh(SLOPE * a)


@dataclass(frozen=True)
class Initialisation:
    """Where the parameters start: uniform between -2.4/F and 2.4/F, F a unit's fan-in [@lecun1998gradient, App. A].

    Biases and sub-sampling coefficients are drawn in the same way (question: initial-biases).

    Attributes:
        generator: Source of the random numbers, on the CPU; PyTorch's own if not given.
        power: The power of F. 1 is what the paper prints; 1/2 keeps the size of the activities from layer to layer.
    """

    generator: torch.Generator | None = None
    power: float = 1.0

    @torch.no_grad()
    def fill(self, parameter: Tensor, fan_in: int) -> None:
        """Draw a parameter of a unit with `fan_in` inputs; on the meta device there is nothing to draw."""
        if parameter.device.type != "meta":
            drawn = torch.rand(parameter.shape, generator=self.generator)
            parameter.copy_((2 * drawn - 1) * (2.4 / fan_in**self.power))


class Convolution(nn.Conv2d):
    """A convolution whose weights and biases start as Appendix A says [@lecun1998gradient, Sec. II-A]."""

    def initialise(self, initialisation: Initialisation) -> None:
        """Draw the parameters; the fan-in is the number of inputs that a unit sees."""
        fan_in = self.weight[0].numel()
        initialisation.fill(self.weight, fan_in)
        if self.bias is not None:
            initialisation.fill(self.bias, fan_in)


class PartialConvolution(nn.Module):
    """A convolution whose output maps see only some input maps, such as C3 [@lecun1998gradient, Table I].

    Absent connections have no parameter: the kernels that exist are kept in one list, in the order of the table.
    """

    def __init__(self, in_maps: int, table: Sequence[Sequence[int]], size: int) -> None:
        """Make one kernel per connection.

        Args:
            in_maps: Number of input maps.
            table: For each output map, the input maps that it is connected to.
            size: Side of the kernels.
        """
        super().__init__()
        self.in_maps = in_maps
        self.table = tuple(tuple(row) for row in table)
        pairs = [(out, source) for out, row in enumerate(self.table) for source in row]
        self.kernels = nn.Parameter(torch.empty(len(pairs), size, size))  # [connections, size, size]
        self.bias = nn.Parameter(torch.empty(len(self.table)))
        # Where each kernel stands in the dense weight seen as [out maps * in maps, size, size].
        position = torch.tensor([out * in_maps + source for out, source in pairs], device="cpu")
        self.register_buffer("position", position.to(self.kernels.device), persistent=False)
        self.position: Tensor

    def initialise(self, initialisation: Initialisation) -> None:
        """Draw the parameters; the fan-in differs from map to map."""
        area = self.kernels[0].numel()
        kernels = iter(self.kernels)
        for out, row in enumerate(self.table):
            for _ in row:
                initialisation.fill(next(kernels), len(row) * area)
            initialisation.fill(self.bias[out], len(row) * area)

    def dense_weight(self) -> Tensor:
        """Return the weight `[out maps, in maps, size, size]`, zero where Table I has no connection."""
        out_maps, (_, height, width) = len(self.table), self.kernels.shape
        dense = self.kernels.new_zeros(out_maps * self.in_maps, height, width)
        return dense.index_copy(0, self.position, self.kernels).view(out_maps, self.in_maps, height, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[N, in maps, H, W]` to `[N, out maps, H - size + 1, W - size + 1]`."""
        return F.conv2d(x, self.dense_weight(), self.bias)


class SubSampling(nn.Module):
    """Sum of four inputs times a trainable coefficient plus a trainable bias, squashed [@lecun1998gradient, Sec. II-B].

    One coefficient and one bias per map; the 2x2 fields do not overlap.
    """

    def __init__(self, maps: int) -> None:
        """Make the two parameters of each of the `maps` maps."""
        super().__init__()
        self.coefficient = nn.Parameter(torch.empty(maps))
        self.bias = nn.Parameter(torch.empty(maps))

    def initialise(self, initialisation: Initialisation) -> None:
        """Draw the parameters; each unit has four inputs."""
        initialisation.fill(self.coefficient, 4)
        initialisation.fill(self.bias, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[N, maps, 2H, 2W]` to `[N, maps, H, W]`."""
        sums = 4 * F.avg_pool2d(x, 2)  # exact: 4 is a power of two
        return squash(sums * self.coefficient[:, None, None] + self.bias[:, None, None])


class RadialBasisFunctions(nn.Module):
    """Output units whose value is the squared distance to their centre [@lecun1998gradient, Eq. 7]."""

    def __init__(self, centres: Tensor, trainable: bool = False) -> None:
        """Keep the centres `[classes, features]`, fixed as in the paper unless `trainable`."""
        super().__init__()
        if trainable:
            self.centres: Tensor = nn.Parameter(centres)
        else:
            self.register_buffer("centres", centres)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[N, features, H, W]` to the penalties `[N, classes, H, W]`."""
        return (x[:, None] - self.centres[None, :, :, None, None]).square().sum(dim=2)


class LeNet5(nn.Module):
    """LeNet-5: 60,000 trainable parameters, 340,908 connections [@lecun1998gradient, Sec. II-B].

    Example:
        >>> penalties = LeNet5()(torch.zeros(2, 1, 32, 32))
        >>> penalties.shape
        torch.Size([2, 10])
    """

    def __init__(self, initialisation: Initialisation = Initialisation(), trainable_centres: bool = False) -> None:
        """Build the network and draw its parameters.

        Args:
            initialisation: Where the parameters start; as Appendix A says if not given.
            trainable_centres: Let the output's centres be learnt, which the paper warns against (Sec. II-C).
        """
        super().__init__()
        self.c1 = Convolution(1, 6, 5)
        self.s2 = SubSampling(6)
        self.c3 = PartialConvolution(6, C3_TABLE, 5)
        self.s4 = SubSampling(16)
        self.c5 = Convolution(16, 120, 5)
        self.f6 = Convolution(120, 84, 1)  # a full connection, applied at every position of C5
        self.output = RadialBasisFunctions(digit_codes(), trainable_centres)
        for layer in (self.c1, self.s2, self.c3, self.s4, self.c5, self.f6):
            layer.initialise(initialisation)

    def features(self, images: Tensor) -> Tensor:
        """Map `[N, 1, 32, 32]` to the activities of F6, `[N, 84, 1, 1]`."""
        x = squash(self.c1(images))  # [N, 6, 28, 28]
        x = self.s2(x)  # [N, 6, 14, 14]
        x = squash(self.c3(x))  # [N, 16, 10, 10]
        x = self.s4(x)  # [N, 16, 5, 5]
        x = squash(self.c5(x))  # [N, 120, 1, 1]
        return squash(self.f6(x))  # [N, 84, 1, 1]

    def forward(self, images: Tensor) -> Tensor:
        """Return the penalty of each class; the smallest wins.

        Args:
            images: `[N, 1, 32, 32]`, from -0.1 (white) to 1.175 (black). Larger images are read at every position
                that is a multiple of four pixels, since C5 and F6 stay convolutional (Sec. VII).

        Returns:
            `[N, 10]`; for larger images `[N, 10, H, W]`.
        """
        penalties: Tensor = self.output(self.features(images))
        return penalties[:, :, 0, 0] if penalties.shape[2:] == (1, 1) else penalties


def maximum_likelihood_loss(penalties: Tensor, labels: Tensor) -> Tensor:
    """Mean penalty of the right class [@lecun1998gradient, Eq. 8].

    Args:
        penalties: `[N, 10]`.
        labels: `[N]`, the right classes.
    """
    return penalties.gather(1, labels[:, None]).mean()


def maximum_a_posteriori_loss(penalties: Tensor, labels: Tensor, j: float) -> Tensor:
    """Eq. 9: push the right penalty down and the others up, against a rubbish class [@lecun1998gradient, Eq. 9].

    Args:
        penalties: `[N, 10]`.
        labels: `[N]`, the right classes.
        j: The penalty of the rubbish class, a positive constant that the paper does not give.
    """
    rubbish = penalties.new_full((len(penalties), 1), j)
    competition = torch.logsumexp(-torch.cat([penalties, rubbish], dim=1), dim=1)
    return (penalties.gather(1, labels[:, None])[:, 0] + competition).mean()
