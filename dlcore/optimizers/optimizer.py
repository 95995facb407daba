"""The optimizer protocol: hyperparameters, names of slots, one kernel call for each group of parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import ClassVar, Protocol

from ..checks import FLAG, NOT_NEGATIVE, POSITIVE, SCHEDULE, check_fields, or_none
from ..kernels.table import Kernels, Operand


class UpdateViews(Protocol):
    """What an update of a group of parameters reads and writes: theta, grad, the slots, control, progress, schedule, place, by
    the names in contracts."""

    @property
    def decayed(self) -> int:
        """Entries of theta that weight decay acts on; they come first."""

    @property
    def rate(self) -> float:
        """The group's factor on the learning rate, which `control` contains and `schedule` does not."""

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
    decay_schedule  f(step) -> factor on weight_decay

    Raises ConfigurationError for values outside these ranges.
    """

    learning_rate: float
    l2: float = field(default=0.0, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    max_norm: float | None = field(default=None, kw_only=True)
    schedule: Callable[[int], float] | None = field(default=None, kw_only=True)
    decay_schedule: Callable[[int], float] | None = field(default=None, kw_only=True)

    # names of flat buffers of the parameters' length, which start at zero
    slots: ClassVar[tuple[str, ...]] = ()
    # the kernel of the update
    kernel: ClassVar[str]
    # before_gradient moves the parameters, and keeps them in the slot "origin"
    looks_ahead: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_fields(self, POSITIVE, "learning_rate")
        check_fields(self, NOT_NEGATIVE, "l2", "weight_decay")
        check_fields(self, or_none(POSITIVE), "clip_norm", "max_norm")
        check_fields(self, FLAG, *(f.name for f in fields(self) if f.type == "bool"))
        check_fields(self, SCHEDULE, "schedule", "decay_schedule")

    def before_gradient(self, k: Kernels, s: UpdateViews) -> None:
        """Record changes to the parameters before the gradient is computed.  Most optimizers make none."""

    def numbers(self) -> dict[str, float]:
        """Hyperparameters of the kernel, by the names in its contract."""
        return {}

    def update(self, k: Kernels, s: UpdateViews) -> None:
        """Record the update: the kernel, with buffers and numbers by the names in its contract."""
        k.named(self.kernel, with_numbers(s, **self.numbers()))


def with_numbers(views: UpdateViews, **numbers: float) -> Callable[[str], object]:
    """The arguments of a kernel by name: a number given here, or an attribute of the views."""
    return lambda name: numbers[name] if name in numbers else getattr(views, name)
