"""The dense layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..checks import SIZE, check, is_flag, refused
from ..kernels.table import Kernels, Operand
from .initializers import Constant, GlorotUniform, Initializer
from .layer import Layer
from .parameters import Parameter
from .views import Views

__all__ = ["Dense"]


@dataclass(frozen=True)
class Dense(Layer):
    """z = x W + b.   x[n,fan_in] W[fan_in,fan_out] b[fan_out] -> z[n,fan_out]

    init is an initializer of W, such as dl.initializers.HeNormal().  None chooses by the activation that follows: He normal
    before ReLU and similar, LeCun normal before SELU, else Glorot uniform.  b starts at 0, or by bias_init.  trainable=False
    freezes both.
    Raises ConfigurationError for sizes below 1.
    """

    fan_in: int
    fan_out: int
    bias: bool = True
    init: Initializer | None = None
    trainable: bool = True
    bias_init: Initializer = field(default=Constant(0.0), kw_only=True)

    reads: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        owner = f"Dense({self.fan_in!r}, {self.fan_out!r})"
        check(owner, SIZE, fan_in=self.fan_in, fan_out=self.fan_out)
        for name, value in (("bias", self.bias), ("trainable", self.trainable)):
            if not is_flag(value):
                hint = "; an activation is a layer of its own, after this one" if isinstance(value, str) else ""
                raise refused(owner, name, value, f"True or False{hint}")
        for name, rule in (
            ("init", GlorotUniform() if self.init is None else self.init),
            ("bias_init", self.bias_init),
        ):
            if not isinstance(rule, Initializer):
                raise refused(owner, name, rule, "an initializer such as dl.initializers.HeNormal()")

    @property
    def input_width(self) -> int:
        return self.fan_in

    def output_width(self, fan_in: int) -> int:
        return self.fan_out

    def parameters(self) -> dict[str, Parameter]:
        W = Parameter((self.fan_in, self.fan_out), self.init or GlorotUniform(), matrix=True, trainable=self.trainable)
        b = Parameter((self.fan_out,), self.bias_init, trainable=self.trainable)
        return {"W": W, "b": b} if self.bias else {"W": W}

    def forward(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        if self.bias:
            k.dense(x, v.W, v.b, out=z)
        else:
            k.linear(x, v.W, out=z)

    def backward(self, k: Kernels, v: Views, x: Operand, z: Operand, delta: Operand, dx: Operand | None) -> None:
        if self.trainable:
            if self.bias:
                k.bias_grad(delta, out=v.db)
            k.weight_grad(x, delta, out=v.dW)
        if dx is not None:
            k.input_grad(delta, v.W, out=dx)
