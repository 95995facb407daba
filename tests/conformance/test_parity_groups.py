"""Parameters with rates and decays of their own: twenty steps in float64 against torch's param_groups, on every executor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import Backend, cuda_backend, from_namespace

from ..examples import Factored
from ..kernels.cuda.emulation import COMPILER, MISSING, EmulatedDevice

torch = pytest.importorskip("torch")

from .test_parity_torch import CE, compare, data  # noqa: E402  needs torch
from .twin import LecturesNesterov, Twin  # noqa: E402

DEVICES: dict[str, Callable[[], Backend]] = {
    "worker": lambda: Backend.for_device("cpu"),
    "replay": lambda: Backend.for_device("cpu").eager(),
    "reference": lambda: from_namespace(np, "numpy"),
    "emulated GPU": lambda: cuda_backend("emulated", np, EmulatedDevice(), nullcontext),
}
EVERY_DEVICE = pytest.mark.parametrize("device", DEVICES)

# a matrix that learns slowly, one that does not decay, one that decays more, and biases that learn fast, decay or rest
MODEL = dl.Sequential(
    Factored(3, 5, rates=(0.5, 2.0), decays=(1.0, 0.25)),
    dl.Tanh(),
    Factored(5, 4, rates=(1.0, 0.0), decays=(0.0, None)),
    dl.PReLU(),
    Factored(4, 4, rates=(1.0, 1.0), decays=(3.0, 1.0)),
    dl.Tanh(),
    dl.Dense(4, 3),
)
FACTORS: dict[str, tuple[float, float]] = {  # name -> (rate, decay)
    "0.W": (0.5, 1.0), "0.b": (2.0, 0.25), "2.W": (1.0, 0.0), "2.b": (0.0, 0.0), "3.alpha": (1.0, 0.0),
    "4.W": (1.0, 3.0), "4.b": (1.0, 1.0), "6.W": (1.0, 1.0), "6.b": (1.0, 0.0),
}  # fmt: skip


def backend(device: str) -> Backend:
    if "emulated" in device and COMPILER is None:
        pytest.skip(MISSING)
    return DEVICES[device]()


def groups(twin: Twin, eta: float, weight_decay: float | None = None) -> list[dict[str, Any]]:
    """A group for each tensor."""
    decays = {} if weight_decay is None else {n: {"weight_decay": weight_decay * d} for n, (_, d) in FACTORS.items()}
    return [{"params": [twin.tensors[n]], "lr": eta * r, **decays.get(n, {})} for n, (r, _) in FACTORS.items()]


class Together:
    """Optimizers of single tensors as one."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def __getattr__(self, name: str) -> Callable[[], None]:
        def each() -> None:
            for part in self.parts:
                getattr(part, name)()

        return each


def nesterov(twin: Twin) -> Any:
    return Together(
        [LecturesNesterov([twin.tensors[name]], 0.2 * rate, 0.9, 1.0) for name, (rate, _) in FACTORS.items()]
    )


DECAY = 0.4
# name -> (dlcore's optimizer with weight decay, torch's, whether torch's decays by itself)
OPTIMIZERS: dict[str, tuple[Callable[..., dl.Optimizer], Callable[[Twin], Any], bool]] = {
    "SGD momentum": (
        lambda **kw: dl.SGD(0.05, momentum=0.9, weight_decay=DECAY, **kw),
        lambda t: torch.optim.SGD(groups(t, 0.05), momentum=0.9),
        False,
    ),
    "Adam": (
        lambda **kw: dl.Adam(0.01, weight_decay=DECAY, **kw),
        lambda t: torch.optim.Adam(groups(t, 0.01)),
        False,
    ),
    "AdamW": (
        lambda **kw: dl.AdamW(0.01, weight_decay=DECAY, **kw),
        lambda t: torch.optim.AdamW(groups(t, 0.01, DECAY)),
        True,
    ),
    "MovingAverageSGD nesterov": (
        lambda **kw: dl.MovingAverageSGD(0.2, 0.9, nesterov=True, weight_decay=DECAY, **kw),
        nesterov,
        False,
    ),
}


@torch.no_grad()
def decay(twin: Twin, eta: float) -> None:
    """θ ← (1 − η·rate · weight_decay·decay) θ"""
    for name, (rate, factor) in FACTORS.items():
        twin.tensors[name] *= 1 - eta * rate * DECAY * factor


def check(device: str, name: str, **keywords: Any) -> dl.Trainer:
    """Twenty steps end at torch's parameters; keywords that torch's loop takes too are given to both."""
    ours, theirs, decays = OPTIMIZERS[name]
    optimizer = ours(**keywords)
    definition: dict[str, Any] = {key: value for key, value in keywords.items() if key in ("l2", "clip_norm")}
    if not decays:
        definition["before_step"] = lambda twin, step: decay(twin, optimizer.learning_rate)
    trainer, _ = compare(MODEL, CE, optimizer, theirs, *data(CE), device=backend(device), **definition)
    return trainer


@EVERY_DEVICE
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_groups_of_parameters(name: str, device: str) -> None:
    """Each tensor ends where torch's does with lr and weight_decay of its own."""
    trainer = check(device, name)
    np.testing.assert_array_equal(trainer.get_weights()[3], 0)  # the bias whose rate is 0
    kernel = trainer.optimizer.kernel
    assert (
        [call.name for call in trainer.step.lists["update"]].count(kernel) == len(trainer.recipe.parameters.groups) > 3
    )


@EVERY_DEVICE
@pytest.mark.parametrize("name", ["Adam", "MovingAverageSGD nesterov"])
def test_l2_and_clipping_are_over_all_groups_together(name: str, device: str) -> None:
    """The l2 term is that of all matrices; the gradient is clipped by its norm over all parameters."""
    check(device, name, l2=0.1, clip_norm=0.3)


def test_a_schedule_multiplies_the_rate_of_every_group() -> None:
    """As torch's LambdaLR does."""
    schedule, made = dl.schedules.CosineDecay(15, floor=0.1), []

    def scheduled(twin: Twin) -> Any:
        optimizer = torch.optim.AdamW(groups(twin, 0.01, DECAY))
        made.append(torch.optim.lr_scheduler.LambdaLR(optimizer, schedule))
        return optimizer

    after = lambda twin: made[0].step()
    optimizer = dl.AdamW(0.01, weight_decay=DECAY, schedule=schedule)
    compare(MODEL, CE, optimizer, scheduled, *data(CE), after_step=after)
