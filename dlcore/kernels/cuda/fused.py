"""Fused kernels: a product into `out`, then one pass of the activation's or the loss's loop over it.

Where the library can do that pass as an epilogue of its product (epilogues.py), there is no second pass.  `mask` is a Mask that
the forward and the backward kernel of a ReLU share (masks.py).
"""

from functools import partial

import numpy as np

from ..reference.activations import ELEMENTWISE
from ..reference.fused import reads
from ..reference.losses import LOSSES
from .activations import alpha_of, backward, forward, relu_with_mask
from .dense import bias_grad
from .launch import NULL, dtype_of, flat
from .losses import scaled, with_bias
from .random import words


def _dense_activation(name):
    def kernel(device, x, W, b, *numbers, out):
        device.product(x, W, out)
        forward(device, name, out, b, NULL, out, numbers)

    return kernel


def dense_relu(device, x, W, b, *, out, mask=None):
    if mask and device.has_epilogue("DRELU", dtype_of(x), dtype_of(out)):
        kept, mask.written = mask.array(device, out), True
        if not device.product_with("RELU_AUX_BIAS", x, W, out, b, kept):
            device.product(x, W, out)
            relu_with_mask(device, out, b, kept)
    elif not device.product_with("RELU_BIAS", x, W, out, b):
        device.product(x, W, out)
        forward(device, "relu", out, b, NULL, out, ())


def _dense_activation_keeping_z(name):
    def kernel(device, x, W, b, *numbers, out):
        z, a = out
        if name == "gelu_tanh" and device.product_with("GELU_AUX_BIAS", x, W, a, b, z):
            return
        device.product(x, W, z)
        forward(device, name, z, b, z, a, numbers)

    return kernel


def _dense_activation_dropout(name):
    def kernel(device, x, W, b, *rest, out):
        *numbers, progress, key0, key1, layer, keep = rest
        kept, y, mask = out
        device.product(x, W, kept)
        device.launch(
            "fused",
            f"{name}_dropout",
            dtype_of(kept),
            flat(-(-kept.size // 4)),
            kept,
            b,
            progress,
            keep,
            y,
            mask,
            np.int64(kept.size),
            np.int32(kept.shape[1]),
            np.int32(reads(name) == "z"),
            alpha_of(numbers),
            *words(key0, key1, layer),
        )

    return kernel


def _input_grad_activation(name):
    def kernel(device, delta, W, kept, *numbers, out, mask=None):
        dz, db = out
        if name == "gelu_tanh" and _with_epilogue(device, "DGELU", delta, W, kept, dz, db):
            return
        if mask and mask.written and _with_epilogue(device, "DRELU", delta, W, mask.array(device, kept), dz, db):
            return
        device.product(delta, W, dz, transpose_b=True)
        backward(device, name, dz, kept, dz, db, numbers)

    return kernel


def _with_epilogue(device, name, delta, W, kept, dz, db):
    """dz and db by a gradient epilogue; in 16 bits db is a separate sum, because the epilogue would sum in 16 bits."""
    if dtype_of(dz) == dtype_of(db) and device.product_with(f"{name}_BGRAD", delta, W, dz, db, kept, transpose_b=True):
        return True
    if not device.product_with(name, delta, W, dz, None, kept, transpose_b=True):
        return False
    bias_grad(device, dz, out=db)
    return True


def _dense_loss(name):
    def kernel(device, x, W, b, *rest, out, scaling=NULL):
        delta = out[1]
        device.product(x, W, delta)
        with_bias(device, name, delta, b, *rest, out=out, scaling=scaling)

    return kernel


KERNELS = {
    f"dense_{name}": (_dense_activation if reads(name) == "a" else _dense_activation_keeping_z)(name)
    for name in ELEMENTWISE
}
KERNELS["dense_relu"] = dense_relu
KERNELS |= {f"dense_{name}_dropout": _dense_activation_dropout(name) for name in ELEMENTWISE}
KERNELS |= {f"input_grad_{name}": _input_grad_activation(name) for name in ELEMENTWISE}
_losses = {f"dense_{name}": _dense_loss(name) for name in LOSSES}
KERNELS |= _losses | {f"{name}_scaled": partial(scaled, loss) for name, loss in _losses.items()}
