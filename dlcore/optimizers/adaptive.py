"""Optimizers that scale each coordinate by the size of its gradients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from .optimizer import Optimizer

__all__ = ["Adam", "AdamW"]


@dataclass(frozen=True)
class Adam(Optimizer):
    """m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  m̂ = m / (1 − β₁ᵗ);  v̂ = v / (1 − β₂ᵗ);  θ ← θ − η m̂ / (√v̂ + ε).

    Adaptive moment estimation, Kingma & Ba (2015), Algorithm 1.  epsilon_inside_root=True divides by √(v̂ + ε) instead, as
    the lectures do.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_inside_root: bool = field(default=False, kw_only=True)
    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_unit("beta1", "beta2")
        self._check("epsilon", self.epsilon, "a positive number", lambda x: 0 < x < 1e6)

    def update(self, k: Any, s: Any) -> None:
        k.adam(
            s.theta, s.grad, s.m, s.v, s.control, s.progress, s.matrices, float(self.weight_decay), float(self.beta1), float(self.beta2),
            float(self.epsilon), int(self.epsilon_inside_root), out=(s.theta, s.m, s.v),
        )  # fmt: skip


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay, θ ← (1 − η·weight_decay) θ on Dense matrices.  Loshchilov & Hutter (2019)."""

    weight_decay: float = field(default=0.01, kw_only=True)
