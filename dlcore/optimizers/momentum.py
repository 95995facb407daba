"""Gradient descent and its momentum forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigurationError
from .optimizer import Optimizer

__all__ = ["SGD", "MovingAverageSGD"]


@dataclass(frozen=True)
class SGD(Optimizer):
    """v₁ = g₁, then v ← μ v + (1 − τ) g;  θ ← θ − η v, or with Nesterov θ ← θ − η (g + μ v).  Exactly PyTorch's SGD.

    μ is `momentum`, τ is `dampening`.  Without momentum θ ← θ − η g.  Batch, mini-batch and stochastic gradient descent are
    this with batch_size n, B and 1.  With velocity="step" the velocity contains the rate, as scikit-learn's does:
    v ← μ v + η g;  θ ← θ − v, or with Nesterov θ ← θ − (η g + μ v).  For constant η this is the same path.
    Raises ConfigurationError for Nesterov without momentum or with dampening, and for dampening with velocity="step".
    """

    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    velocity: str = field(default="gradient", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_unit("momentum")
        self._check("dampening", self.dampening, "a number from 0 to 1", lambda x: 0 <= x <= 1)
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ConfigurationError("SGD: nesterov=True needs momentum > 0 and dampening = 0")
        if self.velocity not in ("gradient", "step"):
            raise ConfigurationError(f"SGD: velocity={self.velocity!r}, expected 'gradient' or 'step'")
        if self.velocity == "step" and self.dampening != 0:
            raise ConfigurationError("SGD: velocity='step' has no dampening")

    @property
    def slots(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("v",) if self.momentum else ()

    def update(self, k: Any, s: Any) -> None:
        if self.momentum and self.velocity == "step":
            numbers = s.control, s.matrices, float(self.weight_decay), float(self.momentum), int(self.nesterov)
            k.sgd_step(s.theta, s.grad, s.v, *numbers, out=(s.theta, s.v))
        elif self.momentum:
            k.sgd_momentum(
                s.theta, s.grad, s.v, s.control, s.progress, s.matrices, float(self.weight_decay), float(self.momentum),
                float(self.dampening), int(self.nesterov), out=(s.theta, s.v),
            )  # fmt: skip
        else:
            k.sgd(s.theta, s.grad, s.control, s.matrices, float(self.weight_decay), out=s.theta)


@dataclass(frozen=True)
class MovingAverageSGD(Optimizer):
    """v₀ = 0, v ← β v + (1 − β) g;  θ ← θ − η v: the lectures' momentum, an exponential moving average of gradients.

    With `nesterov` the gradient is taken at θ − η·look_ahead·v.  look_ahead=1 is the lectures' rule; look_ahead=β is
    Nesterov's, and then θ − ηβv follows the path of SGD((1 − β) η, momentum=β, nesterov=True).
    Without it, this is SGD((1 − β) η, momentum=β) at every step.
    """

    beta: float = 0.9
    nesterov: bool = False
    look_ahead: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_unit("beta")
        self._check("look_ahead", self.look_ahead, "a number from 0 to 1", lambda x: 0 <= x <= 1)

    @property
    def slots(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("v", "origin") if self.nesterov else ("v",)

    def before_gradient(self, k: Any, s: Any) -> None:
        if self.nesterov:
            k.look_ahead(s.theta, s.v, s.origin, s.rates, s.place, float(self.look_ahead), out=(s.theta, s.origin))

    def update(self, k: Any, s: Any) -> None:
        numbers = s.control, s.matrices, float(self.weight_decay), float(self.beta)
        if self.nesterov:
            k.moving_average_nesterov(s.theta, s.grad, s.v, s.origin, *numbers, out=(s.theta, s.v))
        else:
            k.moving_average(s.theta, s.grad, s.v, *numbers, out=(s.theta, s.v))
