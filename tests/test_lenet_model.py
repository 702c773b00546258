"""LeNet-5's network against the paper's counts, hand arithmetic, slow versions and invariants."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from implementations.lenet.counting import count_layers
from implementations.lenet.lenet1 import LeNet1
from implementations.lenet.model import (
    AMPLITUDE,
    C3_TABLE,
    Initialisation,
    LeNet5,
    PartialConvolution,
    RadialBasisFunctions,
    SubSampling,
    digit_codes,
    maximum_a_posteriori_loss,
    maximum_likelihood_loss,
    scale_pixels,
    squash,
)
from implementations.lenet.modern import ModernLeNet5, initialised
from implementations.training.randomness import generator


def lenet(seed: int = 0) -> LeNet5:
    return LeNet5(Initialisation(generator(seed, "test")))


# Layer by layer: parameters and connections as printed in Sec. II-B.
@pytest.mark.parametrize(
    ("layer", "shape", "parameters", "connections"),
    [
        ("c1", (6, 28, 28), 156, 122_304),
        ("s2", (6, 14, 14), 12, 5_880),
        ("c3", (16, 10, 10), 1_516, 151_600),
        ("s4", (16, 5, 5), 32, 2_000),
        ("c5", (120, 1, 1), 48_120, 48_120),
        ("f6", (84, 1, 1), 10_164, 10_164),
        ("output", (10, 1, 1), 0, 840),
    ],
)
def test_each_layer_has_the_papers_counts(
    layer: str, shape: tuple[int, ...], parameters: int, connections: int
) -> None:
    counts = count_layers(LeNet5(), 32)[layer]
    assert (counts.shape, counts.parameters, counts.connections) == (shape, parameters, connections)


def test_totals() -> None:
    counts = count_layers(LeNet5(), 32).values()
    assert sum(count.parameters for count in counts) == 60_000
    assert sum(count.connections for count in counts) == 340_908
    assert sum(parameter.numel() for parameter in LeNet5().parameters() if parameter.requires_grad) == 60_000
    assert sum(parameter.numel() for parameter in ModernLeNet5().parameters()) == 61_706
    assert sum(count.parameters for count in count_layers(LeNet1(), 28).values()) == 2_578


def test_it_can_be_built_without_memory() -> None:
    with torch.device("meta"):
        model = LeNet5()
        assert model(torch.empty(3, 1, 32, 32)).shape == (3, 10)
    assert all(parameter.is_meta for parameter in model.parameters())


def test_table_one_is_as_described() -> None:
    assert [len(row) for row in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    assert all(tuple(sorted(set(row))) == row for row in C3_TABLE)
    assert len(set(C3_TABLE)) == 16
    # Every map of S2 is used equally often, which the regular part of the table makes so.
    assert [sum(source in row for row in C3_TABLE) for source in range(6)] == [10] * 6


def test_no_gradient_reaches_absent_connections() -> None:
    layer = lenet().c3.double()
    maps = torch.randn(2, 6, 14, 14, dtype=torch.float64, generator=generator("maps"), requires_grad=True)
    output = layer(maps)
    for out, row in enumerate(C3_TABLE):
        (slope,) = torch.autograd.grad(output[:, out].sum(), maps, retain_graph=True)
        for source in range(6):
            assert (slope[:, source].abs().sum() > 0) == (source in row)


def test_partial_convolution_equals_one_convolution_per_map() -> None:
    layer = PartialConvolution(3, [(0,), (1, 2), (0, 2)], 5).double()
    layer.initialise(Initialisation(generator("partial")))
    maps = torch.randn(2, 3, 9, 8, dtype=torch.float64, generator=generator("input"))
    kernels = iter(layer.kernels)
    for out, row in enumerate(layer.table):
        expected = sum(
            (F.conv2d(maps[:, source : source + 1], next(kernels)[None, None]) for source in row),
            start=layer.bias[out],
        )
        torch.testing.assert_close(layer(maps)[:, out : out + 1], expected)


def test_subsampling_is_a_squashed_scaled_sum() -> None:
    layer = SubSampling(1)
    with torch.no_grad():
        layer.coefficient.fill_(0.3)
        layer.bias.fill_(-0.2)
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.5]]]])
    by_hand = 1.7159 * math.tanh(2 / 3 * (0.3 * 10.5 - 0.2))
    assert layer(image).item() == pytest.approx(by_hand, rel=1e-6)


def test_constants_of_the_squash() -> None:
    one = torch.tensor(1.0, dtype=torch.float64)
    assert squash(one).item() == pytest.approx(1, abs=1e-5)
    assert squash(-one).item() == pytest.approx(-1, abs=1e-5)
    assert squash(torch.tensor(50.0)).item() == pytest.approx(AMPLITUDE)
    zero = torch.zeros((), dtype=torch.float64, requires_grad=True)
    squash(zero).backward()
    assert zero.grad is not None
    assert zero.grad.item() == pytest.approx(1.14393, abs=1e-5)


def test_codes_are_ten_different_bitmaps_of_seven_by_twelve() -> None:
    codes = digit_codes()
    assert codes.shape == (10, 84)
    assert set(codes.unique().tolist()) == {-1.0, 1.0}
    distances = (codes[:, None] - codes).square().sum(2)
    assert distances[~torch.eye(10, dtype=torch.bool)].min() == 48  # twelve pixels, between the 6 and the 8
    # A vertical stroke for the one, and a closed upper loop for the nine, where one looks for them.
    assert codes[1].view(12, 7)[6].tolist() == [-1, -1, -1, 1, 1, -1, -1]
    assert codes[9].view(12, 7)[2].tolist() == [1, 1, -1, -1, -1, 1, 1]


def test_penalties_are_squared_distances() -> None:
    layer = RadialBasisFunctions(torch.tensor([[1.0, -1.0], [-1.0, -1.0]]))
    assert layer(torch.tensor([[[[0.5]], [[2.0]]]]))[0, :, 0, 0].tolist() == [0.25 + 9, 2.25 + 9]


def test_the_fixed_codes_are_not_trained_unless_asked() -> None:
    assert not any("centres" in name for name, _ in LeNet5().named_parameters())
    assert any("centres" in name for name, _ in LeNet5(trainable_centres=True).named_parameters())
    assert "output.centres" in LeNet5().state_dict()


def test_equation_eight_by_hand() -> None:
    penalties = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert maximum_likelihood_loss(penalties, torch.tensor([0, 2])).item() == pytest.approx((1 + 6) / 2)


def test_equation_nine_by_hand() -> None:
    penalties = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    first = 1 + math.log(math.exp(-0.7) + math.exp(-1) + math.exp(-2) + math.exp(-3))
    second = 6 + math.log(math.exp(-0.7) + math.exp(-4) + math.exp(-5) + math.exp(-6))
    loss = maximum_a_posteriori_loss(penalties, torch.tensor([0, 2]), j=0.7)
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-6)


def test_equation_nine_of_a_collapsed_network() -> None:
    # All penalties zero: log(e^-1 + 10), worked out in notes on the paper.
    loss = maximum_a_posteriori_loss(torch.zeros(4, 10), torch.arange(4), j=1.0)
    assert loss.item() == pytest.approx(2.339, abs=5e-4)


def test_equation_nine_survives_large_penalties() -> None:
    penalties = torch.full((1, 10), 1e4, requires_grad=True)
    loss = maximum_a_posteriori_loss(penalties, torch.tensor([3]), j=1.0)
    loss.backward()
    assert loss.item() == pytest.approx(1e4 - 1)
    assert penalties.grad is not None
    assert penalties.grad.isfinite().all()


def test_pixels_are_scaled_as_printed() -> None:
    scaled = scale_pixels(torch.tensor([0, 255], dtype=torch.uint8))
    torch.testing.assert_close(scaled, torch.tensor([-0.1, 1.175]))


def test_initial_weights_fill_the_printed_range() -> None:
    model = lenet()
    for layer, fan_in in ((model.c1.weight, 25), (model.c5.weight, 400), (model.f6.weight, 120)):
        bound = 2.4 / fan_in
        assert layer.abs().max() <= bound
        assert layer.abs().max() > 0.9 * bound
        assert layer.mean().abs() < 0.2 * bound
    # In C3 the fan-in differs from map to map.
    dense = model.c3.dense_weight()
    for out, row in enumerate(C3_TABLE):
        bound = 2.4 / (25 * len(row))
        assert 0.8 * bound < dense[out].abs().max() <= bound


def test_the_power_of_the_fan_in_is_honoured() -> None:
    model = LeNet5(Initialisation(generator("power"), power=0.5))
    assert 0.9 * 2.4 / 20 < model.c5.weight.abs().max() <= 2.4 / 20


def test_the_same_seed_gives_the_same_network_and_another_another() -> None:
    first, again, other = lenet(1), lenet(1), lenet(2)
    for one, two, three in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
        assert not torch.equal(one, three)
    assert torch.equal(next(initialised(3).parameters()), next(initialised(3).parameters()))


def test_images_do_not_influence_each_other() -> None:
    model = lenet().double()
    images = torch.randn(5, 1, 32, 32, dtype=torch.float64, generator=generator("images"))
    together = model(images)
    for index, image in enumerate(images):
        torch.testing.assert_close(together[index], model(image[None])[0])


def test_a_larger_image_is_read_at_every_fourth_pixel() -> None:
    model = lenet().double()
    image = torch.randn(1, 1, 36, 40, dtype=torch.float64, generator=generator("large"))
    read = model(image)
    assert read.shape == (1, 10, 2, 3)
    for row in range(2):
        for column in range(3):
            window = image[:, :, 4 * row : 4 * row + 32, 4 * column : 4 * column + 32]
            torch.testing.assert_close(read[:, :, row, column], model(window))


def test_the_network_equals_the_paper_written_out_slowly() -> None:
    """One image through loops over units, with nothing shared with the model but its parameters."""
    model = LeNet5(Initialisation(generator("slow"), power=0.5)).double()
    image = torch.rand(32, 32, dtype=torch.float64, generator=generator("slow image"))

    def f(a: float) -> float:
        return 1.7159 * math.tanh(2 / 3 * a)

    def convolve(maps: list[list[list[float]]], kernels: list[list[list[float]]], row: int, column: int) -> float:
        return sum(
            kernel[i][j] * plane[row + i][column + j]
            for plane, kernel in zip(maps, kernels, strict=True)
            for i in range(5)
            for j in range(5)
        )

    assert model.c1.bias is not None
    assert model.c5.bias is not None
    assert model.f6.bias is not None
    kernels = model.c1.weight.tolist()
    planes = [image.tolist()]
    c1 = [
        [[f(convolve(planes, kernels[m], r, c) + model.c1.bias[m].item()) for c in range(28)] for r in range(28)]
        for m in range(6)
    ]

    def subsample(maps: list[list[list[float]]], layer: SubSampling) -> list[list[list[float]]]:
        side = len(maps[0]) // 2
        return [
            [
                [
                    f(
                        sum(plane[2 * r + i][2 * c + j] for i in (0, 1) for j in (0, 1)) * layer.coefficient[m].item()
                        + layer.bias[m].item()
                    )
                    for c in range(side)
                ]
                for r in range(side)
            ]
            for m, plane in enumerate(maps)
        ]

    s2 = subsample(c1, model.s2)
    listed = iter(model.c3.kernels.tolist())
    c3 = []
    for out, row in enumerate(C3_TABLE):
        own = [next(listed) for _ in row]
        seen = [s2[source] for source in row]
        bias = model.c3.bias[out].item()
        c3.append([[f(convolve(seen, own, r, c) + bias) for c in range(10)] for r in range(10)])
    s4 = subsample(c3, model.s4)
    c5_kernels = model.c5.weight.tolist()
    c5 = [f(convolve(s4, c5_kernels[m], 0, 0) + model.c5.bias[m].item()) for m in range(120)]
    f6_rows: list[list[float]] = model.f6.weight[:, :, 0, 0].tolist()
    f6_biases: list[float] = model.f6.bias.tolist()
    f6 = [
        f(sum(w * x for w, x in zip(row, c5, strict=True)) + bias) for row, bias in zip(f6_rows, f6_biases, strict=True)
    ]
    penalties = [sum((x - w) ** 2 for x, w in zip(f6, code, strict=True)) for code in digit_codes().tolist()]
    expected = torch.tensor([penalties], dtype=torch.float64)
    torch.testing.assert_close(model(image[None, None]), expected)
