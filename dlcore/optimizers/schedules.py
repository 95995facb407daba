"""Learning rate schedules: pure functions step -> factor on the learning rate.  Steps count updates from 0.

For a constant rate, give none.  Any function of a step is a schedule; the ones here are data, so they are saved with a trainer.
A new one is a frozen dataclass with `__call__`, listed in `__all__`.  A rate that depends on the course of training needs a
callback, such as ReduceOnPlateau.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..checks import BELOW_ONE, POSITIVE, UNIT, Rule, check_fields, is_number, refused

__all__ = [
    "CosineDecay", "ExponentialDecay", "InverseScaling", "InverseTimeDecay", "OneCycle", "Schedule", "StepDecay", "WarmUp",
]  # fmt: skip

ABOVE_1 = Rule("a number above 1", lambda x: is_number(x) and 1 < x < math.inf)


@dataclass(frozen=True)
class Schedule:
    """Base of the schedules that are saved with a trainer.  Raises ConfigurationError for numbers out of range."""

    def __call__(self, step: int) -> float:
        raise TypeError(f"{type(self).__name__} does not say its factor")


def _cosine(start: float, end: float, share: float) -> float:
    """From start to end along half a cosine wave, as share goes from 0 to 1."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class _Decay(Schedule):
    steps: float
    factor: float = 0.1

    def __post_init__(self) -> None:
        check_fields(self, POSITIVE, "steps")
        check_fields(self, UNIT, "factor")


class StepDecay(_Decay):
    """factor^⌊step / steps⌋: a jump every `steps` updates."""

    def __call__(self, step: int) -> float:
        return float(self.factor ** (step // self.steps))


class ExponentialDecay(_Decay):
    """factor^(step / steps): `factor` after `steps` updates, smoothly."""

    def __call__(self, step: int) -> float:
        return float(self.factor ** (step / self.steps))


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """1 / (step + 1)^power: with power 1 the lectures' η/t, with ½ scikit-learn's default."""

    power: float = 0.5

    def __post_init__(self) -> None:
        check_fields(self, POSITIVE, "power")

    def __call__(self, step: int) -> float:
        return float((step + 1) ** -self.power)


@dataclass(frozen=True)
class InverseTimeDecay(Schedule):
    """1 / (1 + step / steps): Σ of the rates diverges, Σ of their squares converges.  Robbins & Monro (1951)."""

    steps: float

    def __post_init__(self) -> None:
        check_fields(self, POSITIVE, "steps")

    def __call__(self, step: int) -> float:
        return 1 / (1 + step / self.steps)


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """floor + (1 − floor) (1 + cos(π min(step / steps, 1))) / 2.  Loshchilov & Hutter (2017), without restarts."""

    steps: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, POSITIVE, "steps")
        check_fields(self, UNIT, "floor")

    def __call__(self, step: int) -> float:
        return _cosine(1.0, self.floor, min(step / self.steps, 1))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """(step + 1) / steps up to 1, then `then(step − steps)`, or 1 without it.  Goyal et al. (2017)."""

    steps: float
    then: Schedule | None = None

    def __post_init__(self) -> None:
        check_fields(self, POSITIVE, "steps")
        if not isinstance(self.then, (Schedule, type(None))):
            expected = "one of dl.schedules, such as dl.schedules.CosineDecay(1000), or None"
            raise refused("WarmUp", "then", self.then, expected)

    def __call__(self, step: int) -> float:
        if step < self.steps:
            return min((step + 1) / self.steps, 1.0)
        return self.then(step - math.ceil(self.steps)) if self.then else 1.0


@dataclass(frozen=True)
class OneCycle(Schedule):
    """One cycle over a run of `steps` updates: from `start` up to 1 at update warm_up·steps − 1, down to `floor` at the last.

    learning_rate is the peak.  Both ways are half a cosine wave, as in PyTorch's OneCycleLR.  Smith & Topin (2018).
    """

    steps: float
    warm_up: float = 0.3
    start: float = 0.04
    floor: float = 4e-6

    def __post_init__(self) -> None:
        check_fields(self, ABOVE_1, "steps")
        check_fields(self, BELOW_ONE, "warm_up")
        check_fields(self, UNIT, "start", "floor")

    def __call__(self, step: int) -> float:
        peak = max(self.warm_up * self.steps - 1, 0)
        if step < peak:
            return _cosine(self.start, 1.0, step / peak)
        return _cosine(1.0, self.floor, min((step - peak) / (self.steps - 1 - peak), 1))
