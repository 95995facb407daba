"""Training in 16 bits: layers compute with rounded copies of the parameters; parameters, slots and sums have 32 (`wide`).

Many gradients are smaller than the smallest float16 number, so in float16 the loss is multiplied by a power of two, and the
gradients are divided by it before they are used.  Micikevicius et al., Mixed precision training (2018).

    scaling = (S, good, skipped)   the factor; finite gradients since it last changed; updates skipped since the start

<optimizer>_rounded runs the optimizer, then `rounded`; <loss>_scaled runs the loss, then `scaled`.
"""

from ..composition import composed
from ..contract import contract
from . import adaptive, fused, losses, updates
from .losses import LOSSES

FIRST_SCALE, LARGEST_SCALE, PATIENCE = 2.0**16, 2.0**24, 2000

# these write theta as their first output, so their fused kernels can write its copy in the same pass
OPTIMIZERS = (
    "sgd", "sgd_momentum", "sgd_step", "moving_average", "moving_average_nesterov", "normalized_gradient", "adagrad", "rmsprop",
    "adam", "nadam", "lion",
)  # fmt: skip


@contract("theta[p] -> copy[p]", wide="theta")
def rounded(xp, theta):
    """copy = theta in the dtype of computation"""
    return theta


@contract("delta[n,k] scaling[3]:positive -> delta[n,k]", wide="scaling")
def scaled(xp, delta, scaling):
    """delta ← S delta"""
    return delta * scaling[0]


@contract("grad[p] loss[2] scaling[3]:positive fault[1]:count -> grad[p] loss[2] scaling[3]", wide="grad loss scaling")
def unscaled(xp, grad, loss, scaling, fault):
    """g ← g / S.  If a gradient overflowed, S ← S / 2 and the weight is negated: the loss counts, but there is no update.

    After 2,000 finite gradients S ← 2 S, up to 2²⁴.  If S is 1 already, or the loss is not finite, nothing is repaired:
    training has diverged, and after the `fault` (updates.py) the scaling no longer changes.
    """
    scale, good, skipped = scaling[0], scaling[1], scaling[2]
    g = grad / scale
    finite = xp.isfinite(g)
    too_large = ~xp.all(finite)
    well = fault[0] == 0
    overflow = too_large & xp.isfinite(loss[0]) & (scale > 1) & well
    good = good + xp.astype(~too_large & (loss[1] > 0) & well, grad.dtype)
    grows = ~overflow & (good >= PATIENCE) & well
    zero, one, weight = xp.zeros_like(scale), xp.ones_like(scale), xp.where(overflow, -loss[1], loss[1])
    grown = xp.where(grows, xp.minimum(2 * scale, LARGEST_SCALE * one), scale)
    state = (
        xp.where(overflow, xp.maximum(scale / 2, one), grown),
        xp.where(overflow | grows, zero, good),
        skipped + xp.astype(overflow, grad.dtype),
    )
    mended = xp.where(finite | (scale <= 1), g, xp.zeros_like(g))
    return mended, xp.stack([loss[0], weight]), xp.stack(state)


def _with_copy(name):
    update = getattr(updates, name, None) or getattr(adaptive, name)
    return composed(f"{name}_rounded", f"{name}, then copy = theta: {update.__doc__}", update, rounded)


def _scaled_loss(loss):
    name = loss.__name__
    return composed(f"{name}_scaled", f"{name}, then delta ← S delta: {loss.__doc__}", loss, scaled)


_LOSSES = [loss for name in LOSSES for loss in (getattr(losses, name), fused.KERNELS[f"dense_{name}"])]
KERNELS = {
    kernel.__name__: kernel
    for kernel in (rounded, scaled, unscaled, *map(_with_copy, OPTIMIZERS), *map(_scaled_loss, _LOSSES))
}
