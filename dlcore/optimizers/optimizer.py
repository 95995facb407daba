"""The optimizer protocol: hyperparameters, names of slots, one kernel call on the flat buffers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol

from ..checks import is_flag, is_number
from ..errors import ConfigurationError
from ..kernels.table import Kernels, Operand


class UpdateViews(Protocol):
    """What an update reads and writes: theta, grad, the slots, control, progress, rates, place, by the names in contracts."""

    @property
    def matrices(self) -> int:
        """Entries of theta that l2 and weight decay act on; they come first."""

    def __getattr__(self, name: str, /) -> Operand: ...


@dataclass(frozen=True)
class Optimizer:
    """Base of all optimizers.  Order inside a step: gradient of the data and of the l2 term; clipping; update; decay.

    learning_rate   η > 0
    l2              λ >= 0: adds ½ λ Σ‖W‖² over Dense matrices to the objective
    weight_decay    >= 0, decoupled: θ ← (1 − η·weight_decay) θ on Dense matrices
    clip_norm       c > 0: g ← g · min(1, c / (‖g‖ + 1e-6)), over all parameters together
    max_norm        c > 0: the incoming weights of each unit are scaled back to norm c after each update
    schedule        f(step) -> factor on the learning rate; steps count updates from 0

    Raises ConfigurationError for values outside these ranges.
    """

    learning_rate: float
    l2: float = field(default=0.0, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    max_norm: float | None = field(default=None, kw_only=True)
    schedule: Callable[[int], float] | None = field(default=None, kw_only=True)

    # names of flat buffers of the parameters' length, which start at zero
    slots: ClassVar[tuple[str, ...]] = ()
    # the kernel of the update
    kernel: ClassVar[str]
    # before_gradient moves the parameters, and keeps them in the slot "origin"
    looks_ahead: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self._check("learning_rate", self.learning_rate, "a positive number", lambda x: 0 < x < math.inf)
        for name in ("l2", "weight_decay"):
            self._check(name, getattr(self, name), "a number >= 0", lambda x: 0 <= x < math.inf)
        for name in ("clip_norm", "max_norm"):
            if getattr(self, name) is not None:
                self._check(name, getattr(self, name), "a positive number or None", lambda x: 0 < x < math.inf)
        for f in fields(self):
            if f.type == "bool" and not is_flag(getattr(self, f.name)):
                raise ConfigurationError(
                    f"{type(self).__name__}: {f.name}={getattr(self, f.name)!r}, expected True or False"
                )
        if self.schedule is not None and (not callable(self.schedule) or isinstance(self.schedule, type)):
            raise ConfigurationError(
                f"{type(self).__name__}: schedule={self.schedule!r}, expected a function step -> factor"
            )

    def _check(self, name: str, value: Any, expected: str, holds: Callable[[float], bool]) -> None:
        if not is_number(value) or not holds(value):
            raise ConfigurationError(f"{type(self).__name__}: {name}={value!r}, expected {expected}")

    def _check_unit(self, *names: str) -> None:
        for name in names:
            self._check(name, getattr(self, name), "a number from 0 up to, not including, 1", lambda x: 0 <= x < 1)

    def before_gradient(self, k: Kernels, s: UpdateViews) -> None:
        """Record changes to the parameters before the gradient is computed.  Most optimizers make none."""

    def numbers(self) -> dict[str, float]:
        """Hyperparameters of the kernel, by the names in its contract."""
        return {}

    def update(self, k: Kernels, s: UpdateViews) -> None:
        """Record the update: the kernel, with buffers and numbers by the names in its contract."""
        k.named(self.kernel, with_numbers(s, weight_decay=float(self.weight_decay), **self.numbers()))


def with_numbers(views: UpdateViews, **numbers: float) -> Callable[[str], object]:
    """The arguments of a kernel by name: a number given here, or an attribute of the views."""
    return lambda name: numbers[name] if name in numbers else getattr(views, name)
