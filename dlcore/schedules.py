"""Learning rate schedules: pure functions step -> factor on the learning rate.  Steps count updates from 0.

Any function of a step will do; the ones here are data, so they are saved with a trainer.  A new one is a frozen dataclass
with `__call__`, listed in `__all__`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .checks import is_number
from .errors import ConfigurationError

__all__ = ["CosineDecay", "InverseTimeDecay", "Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Base of the schedules that are saved with a trainer."""

    def __call__(self, step: int) -> float:
        raise TypeError(f"{type(self).__name__} does not say its factor")


def _check_steps(owner: str, steps: float) -> None:
    if not is_number(steps) or not 0 < steps < math.inf:
        raise ConfigurationError(f"{owner}: steps={steps!r}, expected a positive number")


@dataclass(frozen=True)
class InverseTimeDecay(Schedule):
    """1 / (1 + step / steps): Σ of the rates diverges, Σ of their squares converges.  Robbins & Monro (1951)."""

    steps: float

    def __post_init__(self) -> None:
        _check_steps("InverseTimeDecay", self.steps)

    def __call__(self, step: int) -> float:
        return 1 / (1 + step / self.steps)


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """floor + (1 − floor) (1 + cos(π min(step / steps, 1))) / 2.  Loshchilov & Hutter (2017), without restarts."""

    steps: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_steps("CosineDecay", self.steps)
        if not is_number(self.floor) or not 0 <= self.floor <= 1:
            raise ConfigurationError(f"CosineDecay: floor={self.floor!r}, expected a number from 0 to 1")

    def __call__(self, step: int) -> float:
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * min(step / self.steps, 1))) / 2
