"""Fused kernels: each is named for what it composes, and its reference is that composition.

dense_<g>        a = g(x W + b);  keeps z too where g's gradient reads it
dense_<g>_dropout    y = a mask / keep of that a;  keeps a, or z where g's gradient reads z
input_grad_<g>   dz = (delta Wᵀ) ⊙ g'(z) of the layer below, and that layer's bias gradient db = 1ᵀ dz
dense_<loss>     loss and delta of the output layer's z = x W + b
dense_grad       dW = xᵀ delta and db = 1ᵀ delta
"""

from ..contract import contract
from . import activations, losses
from .activations import ELEMENTWISE
from .dense import bias_grad, dense, input_grad, weight_grad
from .losses import LOSSES
from .random import dropout


def reads(name):
    """'a' or 'z': what the gradient of this activation reads."""
    return getattr(activations, f"{name}_grad").contract.inputs[1].name


def _numbers(kernel):
    """The trailing Python numbers of a contract, such as alpha, as text."""
    return " ".join(str(a) for a in kernel.contract.inputs if a.dims is None)


def _dense_activation(name):
    g = getattr(activations, name)
    keeps_z = reads(name) == "z"

    @contract(
        f"x[n,i] W[i,o] b[o] {_numbers(g)} -> {'z[n,o] ' if keeps_z else ''}a[n,o]",
        tolerance=64,
        smooth_away_from=g.contract.smooth_away_from,
    )
    def kernel(xp, x, W, b, *numbers):
        z = dense(xp, x, W, b)
        a = g(xp, z, *numbers)
        return (z, a) if keeps_z else a

    kernel.__name__ = kernel.__qualname__ = f"dense_{name}"
    kernel.__doc__ = f"a = g(x W + b), g = {name}: {g.__doc__}"
    return kernel


def _dense_activation_dropout(name):
    g, kept = getattr(activations, name), reads(name)
    draw = " ".join(str(a) for a in dropout.contract.inputs[1:])

    @contract(
        f"x[n,i] W[i,o] b[o] {_numbers(g)} {draw} -> {kept}[n,o] y[n,o] mask[n,o]:bits",
        tolerance=64,
        smooth_away_from=g.contract.smooth_away_from,
    )
    def kernel(xp, x, W, b, *rest):
        numbers, draw = rest[: -len(dropout.contract.inputs) + 1], rest[-len(dropout.contract.inputs) + 1 :]
        z = dense(xp, x, W, b)
        a = g(xp, z, *numbers)
        return z if kept == "z" else a, *dropout(xp, a, *draw)

    kernel.__name__ = kernel.__qualname__ = f"dense_{name}_dropout"
    kernel.__doc__ = f"y = a mask / keep, a = g(x W + b), g = {name}: {g.__doc__}"
    return kernel


def _input_grad_activation(name):
    g = getattr(activations, f"{name}_grad")
    kept = g.contract.inputs[1]

    @contract(
        f"delta[n,o] W[i,o] {kept.name}[n,i]:{kept.domain} {_numbers(g)} -> dz[n,i] db[i]",
        wide="db",
        tolerance=64,
        smooth_away_from=g.contract.smooth_away_from,
    )
    def kernel(xp, delta, W, kept, *numbers):
        dz = g(xp, input_grad(xp, delta, W), kept, *numbers)
        return dz, bias_grad(xp, dz)

    kernel.__name__ = kernel.__qualname__ = f"input_grad_{name}"
    kernel.__doc__ = f"dz = (delta Wᵀ) ⊙ g'(z), db = 1ᵀ dz, g = {name}: {g.__doc__}"
    return kernel


def _dense_loss(name):
    loss = getattr(losses, name)
    rest = " ".join(str(a) for a in loss.contract.inputs[1:])
    columns = loss.contract.inputs[0].dims[1]

    @contract(
        f"x[n,i] W[i,{columns}] b[{columns}] {rest} -> loss[2] delta[n,{columns}]",
        wide=" ".join(loss.contract.wide),
        tolerance=64,
    )
    def kernel(xp, x, W, b, *rest):
        return loss(xp, dense(xp, x, W, b), *rest)

    kernel.__name__ = kernel.__qualname__ = f"dense_{name}"
    kernel.__doc__ = f"Loss and delta at z = x W + b: {loss.__doc__}"
    return kernel


@contract("x[n,i] delta[n,o] -> dW[i,o] db[o]", wide="dW db", tolerance=64)
def dense_grad(xp, x, delta):
    """dW = xᵀ delta,  db = 1ᵀ delta"""
    return weight_grad(xp, x, delta), bias_grad(xp, delta)


KERNELS = {
    kernel.__name__: kernel
    for kernel in (
        dense_grad,
        *(_dense_activation(name) for name in ELEMENTWISE),
        *(_dense_activation_dropout(name) for name in ELEMENTWISE),
        *(_input_grad_activation(name) for name in ELEMENTWISE),
        *(_dense_loss(name) for name in LOSSES),
    )
}
