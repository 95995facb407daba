"""Gradient descent and its momentum forms."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..checks import BELOW_ONE, UNIT, check_fields, one_of
from ..errors import ConfigurationError
from ..kernels.table import Kernels
from .optimizer import Optimizer, UpdateViews, with_numbers

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
        check_fields(self, BELOW_ONE, "momentum")
        check_fields(self, UNIT, "dampening")
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ConfigurationError("SGD: nesterov=True needs momentum > 0 and dampening = 0")
        check_fields(self, one_of("gradient", "step"), "velocity")
        if self.velocity == "step" and self.dampening != 0:
            raise ConfigurationError("SGD: velocity='step' has no dampening")

    @property
    def slots(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("v",) if self.momentum else ()

    @property
    def kernel(self) -> str:  # type: ignore[override]
        return "sgd" if not self.momentum else "sgd_step" if self.velocity == "step" else "sgd_momentum"

    def numbers(self) -> dict[str, float]:
        return {"mu": float(self.momentum), "tau": float(self.dampening), "nesterov": int(self.nesterov)}


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
        check_fields(self, BELOW_ONE, "beta")
        check_fields(self, UNIT, "look_ahead")

    @property
    def slots(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("v", "origin") if self.nesterov else ("v",)

    @property
    def kernel(self) -> str:  # type: ignore[override]
        return "moving_average_nesterov" if self.nesterov else "moving_average"

    def numbers(self) -> dict[str, float]:
        return {"beta": float(self.beta)}

    @property
    def looks_ahead(self) -> bool:  # type: ignore[override]
        return self.nesterov

    def before_gradient(self, k: Kernels, s: UpdateViews) -> None:
        if self.nesterov:
            k.named("look_ahead", with_numbers(s, reach=float(self.look_ahead) * s.rate))
