"""The runs that test the claims of the LeNet-5 paper [@lecun1998gradient].

Each experiment is a function of a run and a configuration. The values of a configuration, with their sources in the
paper or the departures that replace them, stand in `papers/lenet/paper.toml`; the dataclasses give them their types.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from implementations.data.augmentation import Distortion, draw_maps, salt_and_pepper, shift, warp
from implementations.data.images import ImageSet, centre, pad_to_32
from implementations.lenet import baselines
from implementations.lenet.counting import count_layers
from implementations.lenet.lenet1 import LeNet1
from implementations.lenet.model import (
    AMPLITUDE,
    BACKGROUND,
    C3_TABLE,
    FOREGROUND,
    SLOPE,
    Initialisation,
    LeNet5,
    digit_codes,
    maximum_a_posteriori_loss,
    maximum_likelihood_loss,
    scale_pixels,
    squash,
)
from implementations.lenet.modern import ModernLeNet5, initialised
from implementations.lenet.training import Alter, Loss, count_errors, percent, train_in_batches, train_online
from implementations.training.randomness import generator
from implementations.training.run import Run, experiment

Metrics = dict[str, list[float]]

PASSES = "passes over the training set"
COPIES = 10  # the paper's distorted set holds each original and nine distortions of it, Sec. III-B


@dataclass(frozen=True)
class Structure:
    """Nothing to set: the paper gives every number."""


@experiment("structure")
def structure(run: Run, config: Structure) -> Metrics:
    """Count the parameters and connections of every layer; check Table I and the squashing function's constants."""
    layers = count_layers(LeNet5(), 32)
    small = count_layers(LeNet1(), 28)
    metrics: dict[str, float] = {
        "parameters": sum(layer.parameters for layer in layers.values()),
        "connections": sum(layer.connections for layer in layers.values()),
        "multiply_adds": sum(layer.multiply_adds for layer in layers.values()),
        "c3_absent_slope": _slope_over_absent_connections(),
        "c3_full_parameters": sum(parameter.numel() for parameter in nn.Conv2d(6, 16, 5).parameters()),
        "modern_parameters": sum(parameter.numel() for parameter in ModernLeNet5().parameters()),
        "lenet1_parameters": sum(layer.parameters for layer in small.values()),
        "lenet1_multiply_adds": sum(layer.multiply_adds for layer in small.values()),
        "squash_of_one": squash(torch.tensor(1.0, dtype=torch.float64)).item(),
        "squash_of_minus_one": squash(torch.tensor(-1.0, dtype=torch.float64)).item(),
        "squash_bends_most_at": _where_squash_bends_most(),
        "least_code_distance": _least_code_distance(),
    }
    for name, layer in layers.items():
        metrics[f"{name}_parameters"] = layer.parameters
        metrics[f"{name}_connections"] = layer.connections
    return {name: [value] for name, value in metrics.items()}


def _slope_over_absent_connections() -> float:
    """Return the largest derivative of a map of C3 with respect to a map of S2 that Table I leaves out."""
    layer = LeNet5(_start(0)).c3.double()
    maps = torch.rand(1, 6, 14, 14, dtype=torch.float64, generator=generator(0, "maps")).requires_grad_()
    output = layer(maps)
    largest = 0.0
    for out, row in enumerate(C3_TABLE):
        (slope,) = torch.autograd.grad(output[0, out].sum(), maps, retain_graph=True)
        absent = [source for source in range(6) if source not in row]
        largest = max([largest, *(slope[0, source].abs().max().item() for source in absent)])
    return largest


def _where_squash_bends_most() -> float:
    """Return the a > 0 at which |f''(a)| is largest, to 0.0001."""
    a = torch.arange(0, 30_000, dtype=torch.float64) / 10_000
    t = torch.tanh(SLOPE * a)
    second = (2 * AMPLITUDE * SLOPE**2 * t * (1 - t**2)).abs()
    return a[second.argmax()].item()


def _least_code_distance() -> float:
    """Return the least squared distance between the codes of two digits."""
    codes = digit_codes()
    distances = (codes[:, None] - codes).square().sum(2) + torch.diag(torch.full((10,), math.inf))
    return distances.min().item()


@dataclass(frozen=True)
class MiniBatches:
    """What every training in mini-batches is set with; see `train_in_batches`."""

    passes: int
    batch_size: int
    learning_rate: float
    j: float


@dataclass(frozen=True)
class Online:
    """What every training one pattern at a time is set with; see `train_online`."""

    etas: tuple[float, ...]
    mu: float
    curvature_patterns: int
    fan_in_power: float
    j: float


@dataclass(frozen=True)
class Smoke:
    """Settings of `smoke`: one training of each kind."""

    passes: int
    batch_size: int
    learning_rate: float
    etas: tuple[float, ...]
    mu: float
    curvature_patterns: int
    fan_in_power: float
    j: float


@experiment("smoke")
def smoke(run: Run, config: Smoke) -> Metrics:
    """Train LeNet-5 on small real digits, in mini-batches and on-line: does it learn at all?"""
    data = _padded(run.images("digits"))
    recipe = MiniBatches(config.passes, config.batch_size, config.learning_rate, config.j)
    metrics: Metrics = {"first_loss": [], "last_loss": []}
    metrics["test_error"] = [_fit(run, "mini-batches", seed, data, recipe) for seed in run.seeds]
    online = Online(config.etas, config.mu, config.curvature_patterns, config.fan_in_power, config.j)
    metrics["online_test_error"] = _fit_online(run, "on-line", data, online)["test_error"]
    for seed in run.seeds:
        losses = _history(run, "loss", "mini-batches", seed)
        metrics["first_loss"].append(losses[0])
        metrics["last_loss"].append(losses[-1])
    return metrics


@dataclass(frozen=True)
class Mnist:
    """Settings of `mnist`; those of the other way to train are None."""

    method: str
    j: float
    passes: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    etas: tuple[float, ...] | None = None
    mu: float | None = None
    curvature_patterns: int | None = None
    fan_in_power: float | None = None


@experiment("mnist")
def mnist(run: Run, config: Mnist) -> Metrics:
    """Train LeNet-5 on MNIST; at `full` with the paper's protocol."""
    data = _padded(run.images("mnist"))
    pixels = scale_pixels(data.train_images)
    inner = pixels[:, 2:-2, 2:-2]
    metrics: Metrics = {
        "input_mean": [pixels.double().mean().item()],
        "input_variance": [pixels.double().var(correction=0).item()],
        "input_mean_28": [inner.double().mean().item()],
        "input_variance_28": [inner.double().var(correction=0).item()],
    }
    del pixels, inner
    if config.method == "on-line":
        metrics |= _fit_online(run, "on-line", data, _online(config))
    else:
        recipe = _mini_batches(config)
        metrics["test_error"] = [_fit(run, "mini-batches", seed, data, recipe) for seed in run.seeds]
    if config.method == "on-line":
        histories = [_history(run, "test_error", "on-line", seed) for seed in run.seeds]
        metrics["rise_above_least"] = [history[-1] - min(history) for history in histories]
        metrics["unrest_after_10"] = [max(abs(e - history[-1]) for e in history[9:]) for history in histories]
        train_errors = [_history(run, "train_error", "on-line", seed) for seed in run.seeds]
        metrics["train_error_19"] = [history[18] for history in train_errors]
    return metrics


@experiment("on-line")
def on_line(run: Run, config: Mnist) -> Metrics:
    """Train as `mnist` does at `full`, from the start and with the steps that held-out training patterns favour."""
    return mnist(run, config)


@dataclass(frozen=True)
class Distortions:
    """Settings of `distortions`; those of the other way to train are None."""

    method: str
    j: float
    translation: float
    scale: float
    squeeze: float
    shear: float
    passes: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    etas: tuple[float, ...] | None = None
    mu: float | None = None
    curvature_patterns: int | None = None
    fan_in_power: float | None = None


@experiment("distortions")
def distortions(run: Run, config: Distortions) -> Metrics:
    """Train with and without 540,000 distorted patterns added, for as many updates."""
    data = _padded(run.images("mnist"))
    alter = _distorted_copies(config, len(data.train_images), run.device)
    metrics: Metrics = {}
    for arm, change in (("plain", None), ("distorted", alter)):
        if config.method == "on-line":
            online = _online(config)
            online = replace(online, etas=tuple(eta for eta in online.etas for _ in range(COPIES)))
            errors = _fit_online(run, arm, data, online, change)["test_error"]
        else:
            errors = [_fit(run, arm, seed, data, _mini_batches(config), alter=change) for seed in run.seeds]
        metrics["test_error" if change else "plain_test_error"] = errors
    metrics["wrong_patterns"] = [error * len(data.test_images) / 100 for error in metrics["test_error"]]
    metrics["improvement"] = _differences(metrics["plain_test_error"], metrics["test_error"])
    return metrics


@dataclass(frozen=True)
class TrainingSize:
    """Settings of `training-size`; those of the other way to train are None."""

    method: str
    sizes: tuple[int, ...]
    j: float
    updates: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    etas: tuple[float, ...] | None = None
    mu: float | None = None
    curvature_patterns: int | None = None
    fan_in_power: float | None = None


@experiment("training-size")
def training_size(run: Run, config: TrainingSize) -> Metrics:
    """Train on the first 15,000, 30,000 and 60,000 patterns of the training set (Fig. 6)."""
    whole = _padded(run.images("mnist"))
    metrics: Metrics = {}
    for size in config.sizes:
        data = ImageSet(whole.train_images[:size], whole.train_labels[:size], whole.test_images, whole.test_labels)
        arm = f"{size:,} patterns"
        if config.method == "on-line":
            errors = _fit_online(run, arm, data, _online(config))["test_error"]
        else:
            assert config.updates and config.batch_size and config.learning_rate
            passes = config.updates * config.batch_size // size
            recipe = MiniBatches(passes, config.batch_size, config.learning_rate, config.j)
            errors = [_fit(run, arm, seed, data, recipe) for seed in run.seeds]
        metrics[f"test_error_{size}"] = errors
    for few, many in zip(config.sizes[:-1], config.sizes[1:], strict=True):
        metrics[f"gain_{few}_to_{many}"] = _differences(metrics[f"test_error_{few}"], metrics[f"test_error_{many}"])
    return metrics


@dataclass(frozen=True)
class Classifiers:
    """Settings of `classifiers`."""

    neighbours: int
    components: int
    hidden_units: tuple[int, ...]
    passes: int
    batch_size: int
    learning_rate: float


@experiment("classifiers")
def classifiers(run: Run, config: Classifiers) -> Metrics:
    """Measure the simpler classifiers of Fig. 9 on the same MNIST."""
    raw = run.images("mnist")
    train, test = scale_pixels(raw.train_images), scale_pixels(raw.test_images)
    upright, upright_test = (_deslanted(images) for images in (train, test))
    labels, truth = raw.train_labels, raw.test_labels

    def error(read: Tensor) -> float:
        return percent(int((read != truth).sum()), len(truth))

    flat, flat_test = train.flatten(1), test.flatten(1)
    flat_upright, flat_upright_test = upright.flatten(1), upright_test.flatten(1)
    k, components = config.neighbours, config.components
    trials: dict[str, Callable[[], Tensor]] = {
        "linear": lambda: baselines.linear_classifier(flat, labels, flat_test),
        "linear_deslanted": lambda: baselines.linear_classifier(flat_upright, labels, flat_upright_test),
        "pairwise_deslanted": lambda: baselines.pairwise_linear_classifier(flat_upright, labels, flat_upright_test),
        "neighbours": lambda: baselines.nearest_neighbours(flat, labels, flat_test, k),
        "neighbours_deslanted": lambda: baselines.nearest_neighbours(flat_upright, labels, flat_upright_test, k),
        "pca_quadratic": lambda: baselines.quadratic_classifier(flat, labels, flat_test, components),
    }
    metrics: Metrics = {}
    for name, trial in trials.items():
        metrics[name] = [run.unit(name, lambda trial=trial: error(trial()))]  # type: ignore[misc]
    recipe = MiniBatches(config.passes, config.batch_size, config.learning_rate, j=math.nan)
    for hidden in config.hidden_units:
        metrics[f"hidden_{hidden}"] = [
            _fit(
                run,
                f"{hidden} hidden units",
                seed,
                raw,
                recipe,
                model=baselines.MultilayerPerceptron(28 * 28, hidden, generator(seed, "init")),
                loss=baselines.squared_error,
                smallest_wins=False,
            )
            for seed in run.seeds
        ]
    return metrics


def _deslanted(images: Tensor) -> Tensor:
    """Deslant `[N, 28, 28]` in portions, since the work is done in double precision."""
    return torch.cat([baselines.deslant(part[:, None], BACKGROUND)[:, 0] for part in images.split(5000)])


@dataclass(frozen=True)
class Collapse(MiniBatches):
    """Settings of `collapse`."""


@experiment("collapse")
def collapse(run: Run, config: Collapse) -> Metrics:
    """Let the output's centres be learnt: with Eq. 8 everything shrinks to one point, with Eq. 9 it does not."""
    data = _padded(run.images("mnist"))
    metrics: Metrics = {}
    arms: dict[str, Loss] = {
        "eq8": maximum_likelihood_loss,
        "eq9": partial(maximum_a_posteriori_loss, j=config.j),
    }
    for arm, loss in arms.items():
        found = []
        for seed in run.seeds:
            model = LeNet5(_start(seed), trainable_centres=True)

            def train(model: LeNet5 = model, seed: int = seed, arm: str = arm, loss: Loss = loss) -> dict[str, float]:
                error = _fit_now(run, arm, seed, data, config, model=model, loss=loss)
                return {"test_error": error, **_spreads(model, data)}

            found.append(run.unit(f"{arm}, seed {seed}", train))
        for name in found[0]:
            metrics[f"{arm}_{name}"] = [result[name] for result in found]
    pairs = zip(metrics["eq9_centre_spread"], metrics["eq8_centre_spread"], strict=True)
    metrics["spread_ratio"] = [nine / eight for nine, eight in pairs]
    return metrics


@torch.no_grad()
def _spreads(model: LeNet5, data: ImageSet) -> dict[str, float]:
    """Return how far apart the centres and the activities of F6 still are, as shares of the fixed codes' spread."""
    features = model.features(scale_pixels(data.test_images[:1000])[:, None])[:, :, 0, 0]
    codes = digit_codes().var(0, correction=0).sum()
    centres = model.output.centres.var(0, correction=0).sum().cpu() / codes
    return {"centre_spread": centres.item(), "feature_spread": (features.var(0).sum().cpu() / codes).item()}


@dataclass(frozen=True)
class InitialWeights:
    """Settings of `initial-weights`."""

    powers: tuple[float, ...]
    patterns: int
    validation_patterns: int
    eta: float
    mu: float
    curvature_patterns: int
    j: float


@experiment("initial-weights")
def initial_weights(run: Run, config: InitialWeights) -> Metrics:
    """Start on-line training from weights within 2.4/F, as printed, and within 2.4 over the root of F."""
    whole = _padded(run.images("mnist"))
    data = ImageSet(
        whole.train_images[: config.patterns],
        whole.train_labels[: config.patterns],
        whole.train_images[-config.validation_patterns :],
        whole.train_labels[-config.validation_patterns :],
    )
    metrics: Metrics = {}
    for power in config.powers:
        name = "root" if power == 0.5 else "printed"
        online = Online((config.eta,), config.mu, config.curvature_patterns, power, config.j)
        errors = _fit_online(run, name, data, online, measured="validation_error")
        metrics[f"{name}_validation_error"] = errors["validation_error"]
        for bound in ("least", "greatest"):
            steps = [_history(run, f"{bound}_step_size", name, seed)[0] for seed in run.seeds]
            metrics[f"{name}_{bound}_step_size"] = steps
    return metrics


@dataclass(frozen=True)
class Invariance:
    """Settings of `invariance`."""

    images: int
    field: int


@experiment("invariance")
@torch.no_grad()
def invariance(run: Run, config: Invariance) -> Metrics:
    """Shift the input and compare every layer's maps with the shifted maps, away from the border."""
    model = LeNet5(_start(run.seeds[0])).double().to(run.device)
    images = centre(run.images("digits").test_images[: config.images], config.field)
    inputs = scale_pixels(images)[:, None].double()

    def layers(x: Tensor) -> dict[str, Tensor]:
        c1 = squash(model.c1(x))
        s2 = model.s2(c1)
        c3 = squash(model.c3(s2))
        s4 = model.s4(c3)
        return {"c1": c1, "s2": s2, "c3": c3, "s4": s4, "output": model(x)}

    before = layers(inputs)
    metrics: Metrics = {}
    for name, stride in (("c1", 1), ("s2", 2), ("c3", 2), ("s4", 4), ("output", 4)):
        after = layers(shift(inputs, stride, stride, BACKGROUND))[name]
        difference = after[..., 1:, 1:] - before[name][..., :-1, :-1]
        metrics[f"{name}_difference"] = [difference.abs().max().item()]
    return metrics


@dataclass(frozen=True)
class Robustness(MiniBatches):
    """Settings of `robustness`."""

    translation: float
    scale: float
    squeeze: float
    shear: float
    rotations: tuple[int, ...]
    scales: tuple[int, ...]
    shifts: tuple[int, ...]
    noise: tuple[int, ...]


@experiment("robustness")
def robustness(run: Run, config: Robustness) -> Metrics:
    """Train with distortions, then read digits that are turned, resized, shifted or noisy."""
    data = _padded(run.images("mnist"))
    alter = _distorted_copies(config, len(data.train_images), run.device)
    found = []
    for seed in run.seeds:
        model = LeNet5(_start(seed))

        def train(model: LeNet5 = model, seed: int = seed) -> dict[str, float]:
            _fit_now(run, "distorted", seed, data, config, model=model, alter=alter)
            return _sweep(run, model, data, config, seed)

        found.append(run.unit(f"seed {seed}", train))
    return {name: [result[name] for result in found] for name in found[0]}


@torch.no_grad()
def _sweep(run: Run, model: LeNet5, data: ImageSet, config: Robustness, seed: int) -> dict[str, float]:
    """Return the test error under each change, in percent."""
    errors: dict[str, float] = {}

    def measure(kind: str, level: int, unit: str, changes: Sequence[Callable[[Tensor], Tensor]]) -> None:
        wrong = 0
        for change in changes:
            for start in range(0, len(data.test_images), 500):
                inputs = change(scale_pixels(data.test_images[start : start + 500])[:, None])
                wrong += int((model(inputs).argmin(1) != data.test_labels[start : start + 500]).sum())
        errors[f"error_{kind}_{level}"] = error = percent(wrong, len(changes) * len(data.test_images))
        run.log(f"error_{kind}", level, error, arm="LeNet-5", seed=seed, axes=(f"{kind}, {unit}", "test error, %"))

    for degrees in config.rotations:
        both = [partial(_transform, matrix=_rotation(sign * degrees)) for sign in (1, -1)]
        measure("rotation", degrees, "degrees either way", both)
    for size in config.scales:
        measure("scale", size, "% of the size", [partial(_transform, matrix=((100 / size, 0), (0, 100 / size)))])
    for pixels in config.shifts:
        up_and_down = [partial(shift, right=0, down=sign * pixels, background=BACKGROUND) for sign in (1, -1)]
        measure("shift", pixels, "pixels up or down", up_and_down)
    for percentage in config.noise:
        noisy = partial(_speckle, fraction=percentage / 100, seed=seed)
        measure("noise", percentage, "% of the pixels replaced", [noisy])
    return errors


def _rotation(degrees: float) -> tuple[tuple[float, float], tuple[float, float]]:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (cosine, -sine), (sine, cosine)


def _transform(inputs: Tensor, matrix: tuple[tuple[float, float], tuple[float, float]]) -> Tensor:
    one_map = torch.tensor([[*row, 0.0] for row in matrix])
    return warp(inputs, one_map.expand(len(inputs), 2, 3), BACKGROUND)


def _speckle(inputs: Tensor, fraction: float, seed: int) -> Tensor:
    return salt_and_pepper(inputs, fraction, generator(seed, "noise"), BACKGROUND, FOREGROUND)


@dataclass(frozen=True)
class RubbishClass:
    """Settings of `rubbish-class`."""

    constants: tuple[float, ...]
    passes: int
    batch_size: int
    learning_rate: float
    validation_patterns: int


@experiment("rubbish-class")
def rubbish_class(run: Run, config: RubbishClass) -> Metrics:
    """Try values of j, the constant of Eq. 9 that the paper does not give, on patterns held out of the training set."""
    whole = _padded(run.images("mnist"))
    held = config.validation_patterns
    data = ImageSet(
        whole.train_images[:-held], whole.train_labels[:-held], whole.train_images[-held:], whole.train_labels[-held:]
    )
    return {
        f"validation_error_{j:.0e}": [
            _fit(
                run,
                f"j = {j:g}",
                seed,
                data,
                MiniBatches(config.passes, config.batch_size, config.learning_rate, j),
                measured="validation_error",
            )
            for seed in run.seeds
        ]
        for j in config.constants
    }


@dataclass(frozen=True)
class Modern:
    """Settings of `modern`."""

    passes: int
    batch_size: int
    learning_rate: float


@experiment("modern")
def modern(run: Run, config: Modern) -> Metrics:
    """Train the network that the world calls LeNet-5 with the same mini-batches, for comparison."""
    data = _padded(run.images("mnist"))
    recipe = MiniBatches(config.passes, config.batch_size, config.learning_rate, j=math.nan)
    cross_entropy = nn.functional.cross_entropy
    errors = [
        _fit(run, "modern", seed, data, recipe, model=initialised(seed), loss=cross_entropy, smallest_wins=False)
        for seed in run.seeds
    ]
    return {"test_error": errors}


# What the experiments share.


def _start(seed: int) -> Initialisation:
    return Initialisation(generator(seed, "init"))


def _padded(data: ImageSet) -> ImageSet:
    """Put 28x28 images into the 32x32 field that LeNet-5 reads."""
    return ImageSet(pad_to_32(data.train_images), data.train_labels, pad_to_32(data.test_images), data.test_labels)


def _online(config: Mnist | Distortions | TrainingSize) -> Online:
    assert config.etas is not None and config.mu is not None
    assert config.curvature_patterns is not None and config.fan_in_power is not None
    return Online(config.etas, config.mu, config.curvature_patterns, config.fan_in_power, config.j)


def _mini_batches(config: Mnist | Distortions) -> MiniBatches:
    assert config.passes is not None and config.batch_size is not None and config.learning_rate is not None
    return MiniBatches(config.passes, config.batch_size, config.learning_rate, config.j)


def _distorted_copies(config: Distortions | Robustness, count: int, device: torch.device) -> Alter:
    """Return a change of a batch: in every tenth pass the originals, in the others one distorted copy of each.

    The copies are the same in every run: pass k shows copy k modulo ten, so ten passes here are one over the 600,000
    patterns of the paper, without keeping them in memory.
    """
    limits = Distortion(config.translation, config.scale, config.squeeze, config.shear)
    copies = [draw_maps(limits, count, generator("distorted copy", copy)).to(device) for copy in range(COPIES)]

    def alter(inputs: Tensor, passed: int, chosen: Tensor) -> Tensor:
        copy = passed % COPIES
        return warp(inputs, copies[copy][chosen], BACKGROUND) if copy else inputs

    return alter


def _history(run: Run, curve: str, arm: str, seed: int) -> list[float]:
    return [y for _, y in run.points(curve, arm=arm, seed=seed)]


def _differences(first: list[float], second: list[float]) -> list[float]:
    return [a - b for a, b in zip(first, second, strict=True)]


def _fit(
    run: Run,
    arm: str,
    seed: int,
    data: ImageSet,
    recipe: MiniBatches,
    *,
    model: nn.Module | None = None,
    loss: Loss | None = None,
    alter: Alter | None = None,
    smallest_wins: bool = True,
    measured: str = "test_error",
) -> float:
    """Train in mini-batches, unless the checkpoint says that it has been done; return the last test error, in percent.

    LeNet-5 and Eq. 9 are meant unless another model and loss are given.
    """
    network = model or LeNet5(_start(seed))
    fit = partial(_fit_now, model=network, loss=loss, alter=alter, smallest_wins=smallest_wins, measured=measured)
    return run.unit(f"{arm}, seed {seed}", lambda: fit(run, arm, seed, data, recipe))


def _fit_now(
    run: Run,
    arm: str,
    seed: int,
    data: ImageSet,
    recipe: MiniBatches,
    *,
    model: nn.Module,
    loss: Loss | None = None,
    alter: Alter | None = None,
    smallest_wins: bool = True,
    measured: str = "test_error",
) -> float:
    """Train `model` in mini-batches, log its loss and test error after every pass; return the last test error."""
    model.to(run.device)

    def after_pass(done: int, mean_loss: float) -> None:
        wrong = count_errors(model, data.test_images, data.test_labels, smallest_wins)
        error = percent(wrong, len(data.test_images))
        run.log("loss", done, mean_loss, arm=arm, seed=seed, axes=(PASSES, "loss"))
        run.log(measured, done, error, arm=arm, seed=seed, axes=(PASSES, f"{measured.replace('_', ' ')}, %"))

    train_in_batches(
        run,
        f"{arm}, seed {seed}",
        model,
        data.train_images,
        data.train_labels,
        seed=seed,
        passes=recipe.passes,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        loss=loss or partial(maximum_a_posteriori_loss, j=recipe.j),
        alter=alter,
        after_pass=after_pass,
    )
    run.weights(f"{arm}/{seed}", model)
    return _history(run, measured, arm, seed)[-1]


def _fit_online(
    run: Run,
    arm: str,
    data: ImageSet,
    recipe: Online,
    alter: Alter | None = None,
    measured: str = "test_error",
) -> Metrics:
    """Train one LeNet-5 a seed, one pattern at a time; return the last test and training errors, in percent."""

    def after_pass(done: int, seed: int, model: LeNet5) -> None:
        for curve, images, labels in (
            (measured, data.test_images, data.test_labels),
            ("train_error", data.train_images, data.train_labels),
        ):
            error = percent(count_errors(model, images, labels), len(images))
            run.log(curve, done, error, arm=arm, seed=seed, axes=(PASSES, f"{curve.replace('_', ' ')}, %"))

    def train() -> Metrics:
        networks = train_online(
            run,
            arm,
            data.train_images,
            data.train_labels,
            etas=recipe.etas,
            mu=recipe.mu,
            curvature_patterns=recipe.curvature_patterns,
            fan_in_power=recipe.fan_in_power,
            j=recipe.j,
            alter=alter,
            after_pass=after_pass,
        )
        for seed, model in zip(run.seeds, networks, strict=True):
            run.weights(f"{arm}/{seed}", model)
        return {
            curve: [_history(run, curve, arm, seed)[-1] for seed in run.seeds] for curve in (measured, "train_error")
        }

    return run.unit(arm, train)
