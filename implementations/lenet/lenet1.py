"""LeNet-1, the smaller ancestor that the paper compares with [@lecun1998gradient, Sec. III-C]; for counting only."""

from __future__ import annotations

from torch import Tensor, nn

from implementations.lenet.model import Convolution, PartialConvolution, SubSampling, squash

# Which of the four maps each of the twelve sees: four see one, eight see two. The paper does not give the table; see
# question: lenet-1-table.
TABLE = ((0,), (0, 1), (0, 1), (1,), (0, 1), (0, 1), (2,), (2, 3), (2, 3), (3,), (2, 3), (2, 3))


class LeNet1(nn.Module):
    """Four maps of 24x24, twelve of 8x8, each followed by sub-sampling, and ten output units."""

    def __init__(self) -> None:
        """Build the network; its parameters are not initialised."""
        super().__init__()
        self.c1 = Convolution(1, 4, 5)
        self.s2 = SubSampling(4)
        self.c3 = PartialConvolution(4, TABLE, 5)
        self.s4 = SubSampling(12)
        self.output = Convolution(12, 10, 4)

    def forward(self, images: Tensor) -> Tensor:
        """Map `[N, 1, 28, 28]` to `[N, 10]`."""
        x = squash(self.c1(images))  # [N, 4, 24, 24]
        x = self.s2(x)  # [N, 4, 12, 12]
        x = squash(self.c3(x))  # [N, 12, 8, 8]
        x = self.s4(x)  # [N, 12, 4, 4]
        return squash(self.output(x))[:, :, 0, 0]
