"""Fused kernels: a product into `out`, then one pass of the activation's or the loss's loop over it."""

from ..reference.activations import ELEMENTWISE
from ..reference.fused import reads
from .activations import BACKWARD, FORWARD, FORWARD_KEEPING_Z
from .losses import WITH_BIAS
from .products import product
from .random import dropout


def _dense_activation(name):
    loop = FORWARD[name]

    def kernel(x, W, b, *numbers, out):
        product(x, W, out=out)
        loop(out, b, out, *numbers)

    return kernel


def _dense_activation_keeping_z(name):
    loop = FORWARD_KEEPING_Z[name]

    def kernel(x, W, b, *numbers, out):
        z, a = out
        product(x, W, out=z)
        loop(z, b, a, *numbers)

    return kernel


def _dense_activation_dropout(name):
    loop, keeping_z = FORWARD[name], FORWARD_KEEPING_Z[name]

    def kernel(x, W, b, *rest, out):
        *numbers, progress, key0, key1, layer, keep = rest
        kept, y, mask = out
        product(x, W, out=kept)
        if reads(name) == "a":
            loop(kept, b, kept, *numbers)
        else:
            keeping_z(kept, b, y, *numbers)
        a = kept if reads(name) == "a" else y
        dropout(a, progress, key0, key1, layer, keep, out=(y, mask))

    return kernel


def _input_grad_activation(name):
    loop = BACKWARD[name]

    def kernel(delta, W, kept, *numbers, out):
        dz, db = out
        product(delta, W.T, out=dz)
        loop(dz, kept, dz, db, *numbers)

    return kernel


def _dense_loss(with_bias):
    def kernel(x, W, b, *rest, out):
        delta = out[1]
        product(x, W, out=delta)
        with_bias(delta, b, *rest, out)

    return kernel


KERNELS = {
    f"dense_{name}": (_dense_activation if reads(name) == "a" else _dense_activation_keeping_z)(name)
    for name in ELEMENTWISE
}
KERNELS |= {f"dense_{name}_dropout": _dense_activation_dropout(name) for name in ELEMENTWISE}
KERNELS |= {f"input_grad_{name}": _input_grad_activation(name) for name in ELEMENTWISE}
KERNELS |= {f"dense_{name}": _dense_loss(with_bias) for name, with_bias in WITH_BIAS.items()}
