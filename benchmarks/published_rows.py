"""The published rows: the reported result, its source, and the configuration that is trained here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from peers.dlcore_trainer import network
from rules import NoImprovement

import dlcore as dl
from dlcore.layers.initializers import Normal
from dlcore.optimizers.schedules import InverseScaling, OneCycle, StepDecay

Model = Callable[[int], dl.Sequential]  # input width -> a network with ten outputs


@dataclass(frozen=True)
class ErrorRow:
    """A published test error.  It is reproduced if the median over the seeds is at most that, plus two standard deviations.

    rule      the rule that stops a run before `epochs`, if any
    short     epochs of a short run on MNIST, and the test error that it must stay below
    differs   differences from the published configuration
    """

    name: str
    source: str
    error: float
    model: Model
    optimizer: dl.Optimizer
    batch: int
    epochs: int
    seeds: int
    short: tuple[int, float]
    rule: NoImprovement | None = None
    differs: str = ""


@dataclass(frozen=True)
class Way:
    """One of several ways to train, with the one of its optimizers that has the lowest training loss after a few epochs."""

    model: Model
    optimizers: tuple[dl.Optimizer, ...]


@dataclass(frozen=True)
class OrderRow:
    """A published figure in which the first way lies below all others.  It is reproduced if it does after each of `at` epochs.

    measure   "training loss", the mean over an epoch's batches, dropout included, or "test error"
    search    epochs of the search for each way's learning rate, with seed 0
    short     epochs of a short run on MNIST, and the limit that the measure of the first way must stay below
    """

    name: str
    source: str
    measure: str
    ways: Mapping[str, Way]
    batch: int
    at: tuple[int, ...]
    search: int
    seeds: int
    short: tuple[int, float]
    differs: str = ""

    @property
    def first(self) -> str:
        return next(iter(self.ways))

    @property
    def epochs(self) -> int:
        return max(self.at)


def relu(*hidden: int) -> Model:
    """Hidden layers of these widths, Glorot uniform."""
    return lambda inputs: network((inputs, *hidden, 10))


def logistic_regression(inputs: int) -> dl.Sequential:
    return dl.Sequential(dl.Dense(inputs, 10))


def simard(inputs: int) -> dl.Sequential:
    """800 logistic units; weights start with a standard deviation of 0.05."""
    start = Normal(0.05)
    return dl.Sequential(dl.Dense(inputs, 800, init=start), dl.Sigmoid(), dl.Dense(800, 10, init=start))


def with_dropout(inputs: int, widths: tuple[int, ...], of_inputs: float) -> dl.Sequential:
    """ReLU layers with dropout: of half of the hidden units, and of this share of the inputs."""
    layers: list[dl.Layer] = [dl.Dropout(of_inputs)] if of_inputs else []
    for width in widths:
        layers += [dl.Dense(inputs, width), dl.ReLU(), dl.Dropout(0.5)]
        inputs = width
    return dl.Sequential(*layers, dl.Dense(inputs, 10))


def logistic_units(inputs: int, normalized: bool) -> dl.Sequential:
    """Three layers of 100 logistic units, small Gaussian weights, with batch normalization before each activation or without."""
    layers: list[dl.Layer] = []
    for _ in range(3):
        layers.append(dl.Dense(inputs, 100, init=Normal(0.1)))
        layers += [dl.BatchNorm(100), dl.Sigmoid()] if normalized else [dl.Sigmoid()]
        inputs = 100
    return dl.Sequential(*layers, dl.Dense(100, 10, init=Normal(0.1)))


def adam_and_others(
    model: Model, rates: Mapping[str, tuple[float, ...]], schedule: InverseScaling | None
) -> dict[str, Way]:
    """Adam first; SGD with Nesterov's momentum 0.9 by PyTorch's rule; AdaGrad without the schedule."""
    rules: dict[str, Callable[[float], dl.Optimizer]] = {
        "Adam": partial(dl.Adam, schedule=schedule),
        "AdaGrad": dl.AdaGrad,
        "RMSProp": partial(dl.RMSProp, schedule=schedule),
        "SGD, Nesterov": partial(dl.SGD, momentum=0.9, nesterov=True, schedule=schedule),
    }
    return {name: Way(model, tuple(rules[name](rate) for rate in rates[name])) for name in rules}


_BENCH_MNIST = "scikit-learn, benchmarks/bench_mnist.py, docstring"
_L2 = 1e-4 / 200  # scikit-learn's alpha=1e-4, divided by the rows of a batch
_STEPS = 600  # per epoch of MNIST in batches of 100
_DROPOUT_EPOCHS = 40

# the longest last
ROWS: tuple[ErrorRow | OrderRow, ...] = (
    ErrorRow(
        "MLP-adam", _BENCH_MNIST, 0.0224, relu(100, 100), dl.Adam(1e-3, l2=_L2), 200, 400,
        seeds=3, short=(3, 0.06), rule=NoImprovement(1e-4, 10),
    ),
    ErrorRow(
        "MultilayerPerceptron", _BENCH_MNIST, 0.0287, relu(100, 100), dl.SGD(0.2, momentum=0.9, nesterov=True, l2=_L2),
        200, 400, seeds=3, short=(3, 0.08), rule=NoImprovement(1e-4, 10),
    ),
    ErrorRow(
        "784-800-10", "Simard, Steinkraus & Platt (2003), without distortions", 0.016, simard,
        dl.SGD(0.2, momentum=0.9, schedule=StepDecay(25 * _STEPS, 0.3)), 100, 100, seeds=2, short=(3, 0.07),
        differs="logistic units, as Srivastava et al. (2014) report of it; batches of 100 with momentum, which come to a rate of 0.02 for "
        "each image, times 0.3 after every 25 epochs; the paper takes single images at 0.005, times 0.3 after every 100",
    ),
    OrderRow(
        "Adam, logistic regression", "Kingma & Ba (2015), figure 1, left", "training loss",
        adam_and_others(
            logistic_regression,
            {
                "Adam": (0.005, 0.015, 0.05, 0.15), "AdaGrad": (0.01, 0.03, 0.1, 0.3), "RMSProp": (0.005, 0.015, 0.05, 0.15),
                "SGD, Nesterov": (0.1, 0.3, 1.0, 3.0),
            },
            InverseScaling(0.5),
        ),
        128, (45,), search=5, seeds=3, short=(2, 0.6),
        differs="without its l2 term; AdaGrad, which lowers its rates by itself, has no schedule; the paper calls Adam and Nesterov "
        "similar, and shows no RMSProp here",
    ),
    OrderRow(
        "Adam, 2x1000", "Kingma & Ba (2015), figure 2a", "training loss",
        adam_and_others(
            partial(with_dropout, widths=(1000, 1000), of_inputs=0.0),
            {
                "Adam": (0.0003, 0.0006, 0.001), "AdaGrad": (0.005, 0.01, 0.02), "RMSProp": (0.0003, 0.0006, 0.001),
                "SGD, Nesterov": (0.03, 0.1),
            },
            None,
        ),
        128, (10,), search=1, seeds=1, short=(1, 0.5),
        differs="one seed; stopped early: 10 epochs of 200; rates are the best after one epoch, which favours large ones; "
        "the share that dropout takes, one half, is not in the paper",
    ),
    OrderRow(
        "batch normalization, 3x100", "Ioffe & Szegedy (2015), figure 1a", "test error",
        {
            "with": Way(partial(logistic_units, normalized=True), (dl.SGD(0.1), dl.SGD(0.3), dl.SGD(1.0), dl.SGD(3.0))),
            "without": Way(partial(logistic_units, normalized=False), (dl.SGD(0.1), dl.SGD(0.3), dl.SGD(1.0), dl.SGD(3.0))),
        },
        60, (10, 50), search=3, seeds=3, short=(3, 0.10),
        differs="the paper gives neither a rate nor the deviation of the first weights, 0.1 here; an epoch is 1,000 steps",
    ),
    *(
        ErrorRow(
            name, f"Srivastava et al. (2014), table 2, ReLU{norm}", published,
            partial(with_dropout, widths=(1024, 1024, 1024), of_inputs=0.2),
            dl.SGD(0.05, momentum=0.95, max_norm=bound, schedule=OneCycle(_DROPOUT_EPOCHS * _STEPS, warm_up=0.1)),
            100, _DROPOUT_EPOCHS, seeds=1, short=(1, 0.15),
            differs=f"one seed; stopped early: {_DROPOUT_EPOCHS * _STEPS:,} updates with a rate that falls to 0, where the paper took "
            f"about a million{of_norm}",
        )
        for name, norm, published, bound, of_norm in (
            ("dropout, 3x1024, max-norm", " with max-norm", 0.0106, 1.0,
             "; a bound of 1 on weights that are scaled while training is its 2 on weights that are halved when predicting, but at the "
             "inputs, where 1.6 would be"),
            ("dropout, 3x1024", "", 0.0125, None, ""),
        )
    ),
)  # fmt: skip
