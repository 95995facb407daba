"""Optimizers that scale each coordinate by the size of its gradients.

They divide by √v + ε, as the papers do; with epsilon_inside_root=True by √(v + ε), as the lectures do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..checks import BELOW_ONE, Rule, check_fields, is_number
from .optimizer import Optimizer

__all__ = ["AdaGrad", "Adam", "AdamW", "Lion", "Nadam", "NormalizedGradient", "RMSProp"]

EPSILON = Rule("a positive number", lambda x: is_number(x) and 0 < x < 1e6)


class Adaptive(Optimizer):
    """Base of optimizers with fields `epsilon` > 0, which keeps the divisor above 0, and `epsilon_inside_root`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self, EPSILON, "epsilon")

    def numbers(self) -> dict[str, float]:
        # subclasses declare these fields: declared here, they would come before the other arguments of __init__
        fields = vars(self)
        return {"epsilon": float(fields["epsilon"]), "inside": int(bool(fields["epsilon_inside_root"]))}


@dataclass(frozen=True)
class NormalizedGradient(Adaptive):
    """v = g²;  θ ← θ − η g / (√v + ε): every coordinate moves by nearly η, or not at all where g is 0.

    It does not converge: near a minimum it moves to and fro by η.
    """

    epsilon: float = 1e-8
    epsilon_inside_root: bool = field(default=False, kw_only=True)
    kernel: ClassVar[str] = "normalized_gradient"


@dataclass(frozen=True)
class AdaGrad(Adaptive):
    """v ← v + g²;  θ ← θ − η g / (√v + ε): the rate of each coordinate falls with its own gradients; as η/√t where g is constant.

    Adaptive subgradient method, Duchi, Hazan & Singer (2011).
    """

    epsilon: float = 1e-10
    epsilon_inside_root: bool = field(default=False, kw_only=True)
    slots: ClassVar[tuple[str, ...]] = ("v",)
    kernel: ClassVar[str] = "adagrad"


@dataclass(frozen=True)
class RMSProp(Adaptive):
    """v ← ρ v + (1 − ρ) g²;  θ ← θ − η g / (√v + ε): AdaGrad that forgets old gradients, so that rates do not vanish.

    Hinton, lecture 6e of Neural Networks for Machine Learning (2012).
    """

    rho: float = 0.9
    epsilon: float = 1e-8
    epsilon_inside_root: bool = field(default=False, kw_only=True)
    slots: ClassVar[tuple[str, ...]] = ("v",)
    kernel: ClassVar[str] = "rmsprop"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self, BELOW_ONE, "rho")

    def numbers(self) -> dict[str, float]:
        return super().numbers() | {"rho": float(self.rho)}


@dataclass(frozen=True)
class Adam(Adaptive):
    """m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  m̂ = m / (1 − β₁ᵗ);  v̂ = v / (1 − β₂ᵗ);  θ ← θ − η m̂ / (√v̂ + ε).

    Adaptive moment estimation, Kingma & Ba (2015), Algorithm 1.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_inside_root: bool = field(default=False, kw_only=True)
    slots: ClassVar[tuple[str, ...]] = ("m", "v")
    kernel: ClassVar[str] = "adam"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self, BELOW_ONE, "beta1", "beta2")

    def numbers(self) -> dict[str, float]:
        return super().numbers() | {"beta1": float(self.beta1), "beta2": float(self.beta2)}


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay, θ ← (1 − η·weight_decay) θ on Dense matrices.  Loshchilov & Hutter (2019)."""

    weight_decay: float = field(default=0.01, kw_only=True)


class Nadam(Adam):
    """Adam with m̂ = β₁ m / (1 − β₁ᵗ⁺¹) + (1 − β₁) g / (1 − β₁ᵗ): Nesterov's look ahead.

    Dozat (2016), Algorithm 2 with a constant μ = β₁.  PyTorch and Keras let μ grow from about β₁/2 to β₁ by his schedule.
    """

    kernel: ClassVar[str] = "nadam"


@dataclass(frozen=True)
class Lion(Optimizer):
    """θ ← θ − η sign(β₁ m + (1 − β₁) g);  m ← β₂ m + (1 − β₂) g.  Evolved sign momentum, Chen et al. (2023).

    Every coordinate moves by η, so rates are 3 to 10 times smaller than Adam's.
    """

    beta1: float = 0.9
    beta2: float = 0.99
    slots: ClassVar[tuple[str, ...]] = ("m",)
    kernel: ClassVar[str] = "lion"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self, BELOW_ONE, "beta1", "beta2")

    def numbers(self) -> dict[str, float]:
        return {"beta1": float(self.beta1), "beta2": float(self.beta2)}
