"""Activation layers a = g(z), elementwise unless stated otherwise.  Their mathematics is in kernels/reference/activations.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..checks import check_fields, from_to, one_of
from ..kernels.table import Kernels, Operand
from .initializers import Constant, HeNormal, Initializer, LeCunNormal
from .layer import Layer
from .parameters import Parameter
from .views import Views

__all__ = [
    "ELU", "GELU", "SELU", "ArcTan", "BinaryStep", "Identity", "LeakyReLU", "PReLU", "ReLU", "SiLU", "Sigmoid",
    "Softmax", "Softplus", "Tanh",
]  # fmt: skip


@dataclass(frozen=True)
class Elementwise(Layer):
    """An activation with one kernel per direction; backward reads the output unless `reads` says otherwise."""

    kernel: ClassVar[str]
    reads: ClassVar[str] = "z"
    in_place: ClassVar[bool] = True

    def numbers(self) -> tuple[float, ...]:
        """The Python numbers that the kernels take after the arrays."""
        return ()

    def forward(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        getattr(k, self.kernel)(x, *self.numbers(), out=z)

    def backward(self, k: Kernels, v: Views, x: Operand, z: Operand, delta: Operand, dx: Operand | None) -> None:
        getattr(k, f"{self.kernel}_grad")(delta, x if self.reads == "x" else z, *self.numbers(), out=dx)


class Identity(Elementwise):
    """a = z"""

    kernel = "identity"


class BinaryStep(Elementwise):
    """a = 1[z >= 0]; its derivative is 0, so the layers before it do not learn"""

    kernel = "binary_step"


class Sigmoid(Elementwise):
    """a = σ(z) = 1 / (1 + exp(−z))"""

    kernel = "sigmoid"


class Tanh(Elementwise):
    """a = tanh z"""

    kernel = "tanh"


class ArcTan(Elementwise):
    """a = arctan z"""

    kernel = "arctan"
    reads = "x"


class ReLU(Elementwise):
    """a = max(z, 0), with derivative 0 at 0"""

    suits: ClassVar[Initializer | None] = HeNormal()

    kernel = "relu"


@dataclass(frozen=True)
class LeakyReLU(Elementwise):
    """a = z where z > 0, else alpha z, with derivative alpha at 0"""

    suits: ClassVar[Initializer | None] = HeNormal()

    alpha: float = 0.01
    kernel = "leaky_relu"

    def __post_init__(self) -> None:
        # with a negative alpha the sign of the output would not be that of the input
        check_fields(self, from_to(0, 1e6), "alpha")

    def numbers(self) -> tuple[float, ...]:
        return (float(self.alpha),)


@dataclass(frozen=True)
class ELU(Elementwise):
    """a = z where z > 0, else alpha (exp(z) − 1), with derivative alpha at 0.  Clevert et al. (2016)."""

    suits: ClassVar[Initializer | None] = HeNormal()

    alpha: float = 1.0
    kernel = "elu"

    def __post_init__(self) -> None:
        check_fields(self, from_to(0, 1e6), "alpha")

    def numbers(self) -> tuple[float, ...]:
        return (float(self.alpha),)


class SELU(Elementwise):
    """a = s z where z > 0, else s α (exp(z) − 1), s = 1.0507…, α = 1.6733…  Klambauer et al. (2017)."""

    suits: ClassVar[Initializer | None] = LeCunNormal()

    kernel = "selu"


class Softplus(Elementwise):
    """a = log(1 + exp z)"""

    suits: ClassVar[Initializer | None] = HeNormal()

    kernel = "softplus"


@dataclass(frozen=True)
class GELU(Elementwise):
    """a = z Φ(z) by the error function, or with approximate="tanh" ½ z (1 + tanh(√(2/π) (z + 0.044715 z³))).

    Hendrycks & Gimpel (2016).  Raises ConfigurationError for another `approximate`.
    """

    suits: ClassVar[Initializer | None] = HeNormal()

    approximate: str = "none"
    reads = "x"

    def __post_init__(self) -> None:
        check_fields(self, one_of("none", "tanh"), "approximate")

    @property
    def kernel(self) -> str:  # type: ignore[override]
        return "gelu_tanh" if self.approximate == "tanh" else "gelu"


class SiLU(Elementwise):
    """a = z σ(z)"""

    suits: ClassVar[Initializer | None] = HeNormal()

    kernel = "silu"
    reads = "x"


@dataclass(frozen=True)
class PReLU(Layer):
    """a = z where z > 0, else alpha z, with one learned slope alpha that starts at `initial`.  He et al. (2015)."""

    suits: ClassVar[Initializer | None] = HeNormal()

    initial: float = 0.25
    reads: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        check_fields(self, from_to(-1e6, 1e6), "initial")

    def parameters(self) -> dict[str, Parameter]:
        return {"alpha": Parameter((1,), Constant(self.initial))}

    def forward(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        k.prelu(x, v.alpha, out=z)

    def backward(self, k: Kernels, v: Views, x: Operand, z: Operand, delta: Operand, dx: Operand | None) -> None:
        # dz is an output of the kernel; where nothing needs it (dx is None), it goes to delta, which is not read again
        k.prelu_grad(delta, x, v.alpha, out=(delta if dx is None else dx, v.dalpha))


class Softmax(Layer):
    """a_i = exp(z_i) / Σ_j exp(z_j) over each row.  Before SoftmaxCrossEntropy leave it out: that loss has it built in."""

    reads: ClassVar[str] = "z"
    in_place: ClassVar[bool] = True

    def forward(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        k.softmax(x, out=z)

    def backward(self, k: Kernels, v: Views, x: Operand, z: Operand, delta: Operand, dx: Operand | None) -> None:
        k.softmax_grad(delta, z, out=dx)
