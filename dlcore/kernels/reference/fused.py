"""Fused kernels: each is named for what it composes, and its reference is that composition.

dense_<g>        a = g(x W + b);  also outputs z where g's gradient reads it
dense_<g>_dropout    y = a mask / keep for that a;  also outputs a, or z where g's gradient reads z
input_grad_<g>   dz = (delta Wᵀ) ⊙ g'(z) of the layer below, and that layer's bias gradient db = 1ᵀ dz
dense_<loss>     loss and delta of the output layer's z = x W + b
dense_grad       dW = xᵀ delta and db = 1ᵀ delta
"""

from ..composition import composed, part
from . import activations, losses
from .activations import ELEMENTWISE
from .dense import bias_grad, dense, input_grad, weight_grad
from .losses import LOSSES
from .random import dropout


def reads(name):
    """'a' or 'z': what the gradient of this activation reads."""
    return getattr(activations, f"{name}_grad").contract.inputs[1].name


def _dense_activation(name):
    g = getattr(activations, name)
    doc = f"a = g(x W + b), g = {name}: {g.__doc__}"
    return composed(f"dense_{name}", doc, dense, g, inner="" if reads(name) == "z" else "z")


def _dense_activation_dropout(name):
    g = getattr(activations, name)
    doc = f"y = a mask / keep, a = g(x W + b), g = {name}: {g.__doc__}"
    parts = dense, g, part(dropout, x="a", z="y")
    return composed(f"dense_{name}_dropout", doc, *parts, inner="a" if reads(name) == "z" else "z")


def _input_grad_activation(name):
    g = getattr(activations, f"{name}_grad")
    doc = f"dz = (delta Wᵀ) ⊙ g'(z), db = 1ᵀ dz, g = {name}: {g.__doc__}"
    parts = input_grad, part(g, delta="dx"), part(bias_grad, delta="dz")
    return composed(f"input_grad_{name}", doc, *parts, inner="dx")


def _dense_loss(name):
    loss = getattr(losses, name)
    doc = f"Loss and delta at z = x W + b: {loss.__doc__}"
    _, columns = loss.contract.inputs[0].dims  # the loss's own letter for the columns of z
    return composed(f"dense_{name}", doc, dense, loss, inner="z", letters={"o": columns})


dense_grad = composed("dense_grad", "dW = xᵀ delta,  db = 1ᵀ delta", weight_grad, bias_grad)


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
