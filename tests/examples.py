"""Examples of every layer, loss and optimizer, made from their signatures, so that a new one needs no new test."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import dlcore as dl
import dlcore.layers
import dlcore.losses
import dlcore.optimizers
from dlcore.layers import activations
from dlcore.layers.parameters import Parameter

# a value for each required argument that a layer may have
ARGUMENTS: dict[str, Any] = {"rate": 0.3}
WIDTHS = ("fan_in", "fan_out", "width")


@dataclass(frozen=True)
class Factored(dl.Dense):
    """A Dense layer whose W and b have factors of their own on the learning rate and on the weight decay."""

    rates: tuple[float, float] = field(default=(1.0, 1.0), kw_only=True)
    decays: tuple[float | None, float | None] = field(default=(None, None), kw_only=True)

    def parameters(self) -> dict[str, Parameter]:
        factors = zip(self.rates, self.decays, strict=True)
        return {
            name: replace(p, rate=rate, decay=decay)
            for (name, p), (rate, decay) in zip(super().parameters().items(), factors, strict=True)
        }


def classes(module: Any, base: type) -> list[type]:
    """The classes that a package exports, without their base."""
    exported = (getattr(module, name) for name in module.__all__)
    return [c for c in exported if isinstance(c, type) and issubclass(c, base) and c is not base]


def example(cls: type, width: int = 4) -> Any:
    """An instance that keeps `width` columns; arguments with a default keep it."""
    arguments = []
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:  # *layers, as of Residual
            arguments += [dl.Dense(width, width), dl.Tanh()]
        elif parameter.default is parameter.empty:
            if parameter.name not in (*WIDTHS, *ARGUMENTS):
                raise KeyError(f"tests/examples.py has no value for {cls.__name__}({parameter.name})")
            arguments.append(width if parameter.name in WIDTHS else ARGUMENTS[parameter.name])
    return cls(*arguments)


def layers(width: int = 4) -> list[dl.Layer]:
    """One of every layer that may stand anywhere, and some in their variants."""
    made = [example(cls, width) for cls in classes(dlcore.layers, dl.Layer) if not cls.first]
    return [*made, dl.GELU("tanh"), dl.LeakyReLU(0.3), dl.ELU(0.5), dl.Dense(width, width, bias=False)]


def activation_layers() -> list[dl.Layer]:
    """One of every activation."""
    made = [example(getattr(activations, name)) for name in activations.__all__]
    return [*made, dl.GELU("tanh"), dl.LeakyReLU(0.3), dl.ELU(0.5)]


def losses() -> list[dl.Loss]:
    """One of every loss, and softmax cross-entropy with label smoothing."""
    return [*(example(cls) for cls in classes(dlcore.losses, dl.Loss)), dl.SoftmaxCrossEntropy(label_smoothing=0.1)]


def optimizers() -> list[dl.Optimizer]:
    """One of every optimizer, and variants that use other kernels."""
    made = [cls(0.01) for cls in classes(dlcore.optimizers, dl.Optimizer)]
    return [
        *made,
        dl.SGD(0.01, momentum=0.9),
        dl.MovingAverageSGD(0.1, nesterov=True),
        dl.SGD(0.01, max_norm=0.5, l2=0.1),
    ]


def targets(loss: dl.Loss, n: int, outputs: int, seed: int = 0) -> np.ndarray:
    """Targets that the loss accepts: real numbers, otherwise zeros and ones, otherwise class indices."""
    random = np.random.default_rng(seed)
    bits = random.integers(0, 2, (n, outputs)).astype(float)
    for y in (random.standard_normal((n, outputs)), bits, random.integers(0, outputs, n)):
        try:
            loss.targets(y, outputs)
        except dl.DataError:
            continue
        return y
    raise ValueError(f"{loss} accepts neither real numbers, nor bits, nor class indices")


def label(value: Any) -> str:
    """A short name for a parametrized test: the arguments that differ from their defaults."""
    if not hasattr(value, "__dataclass_fields__"):
        return str(value)
    return repr(value).replace(" ", "")
