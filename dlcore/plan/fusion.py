"""A list of calls -> a shorter list: neighbours whose composition has a kernel of its own become one call.

Each rewrite is named, and looks at the calls from one position on; what it leaves out is never read elsewhere.  A fused
kernel is used only if it is not slower by being the reference where its parts are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ..errors import ContractError
from ..kernels.reference.activations import ELEMENTWISE
from ..kernels.reference.fused import reads
from ..kernels.reference.losses import LOSSES
from ..kernels.reference.mixed import OPTIMIZERS
from ..kernels.table import Buffer, Call, KernelTable

Uses = Counter[int]
Rewrite = Callable[[Sequence[Call], KernelTable, Uses], Call | None]


def _only_between(buffer: Buffer, calls: Sequence[Call], uses: Uses) -> bool:
    """Nobody but these calls reads or writes the buffer."""
    return uses[id(buffer)] == sum(b is buffer for call in calls for b in call.buffers())


def dense_activation(calls: Sequence[Call], table: KernelTable, uses: Uses) -> Call | None:
    """z = x W + b;  a = g(z)   ->   dense_g"""
    product, activation = calls
    if product.name != "dense" or activation.name not in ELEMENTWISE or activation.inputs[0] is not product.outputs[0]:
        return None
    (z,), (a,) = product.outputs, activation.outputs
    kernel = table[f"dense_{activation.name}"]
    inputs = (*product.inputs, *activation.inputs[1:])
    if reads(activation.name) == "z":
        return Call(kernel, inputs, (z, a)) if z is not a else None
    return Call(kernel, inputs, (a,)) if z is a or _only_between(z, calls, uses) else None


def dense_activation_dropout(calls: Sequence[Call], table: KernelTable, uses: Uses) -> Call | None:
    """z = x W + b;  a = g(z);  y = a mask / keep   ->   dense_g_dropout"""
    *parts, dropout = calls
    dense = dense_activation(parts, table, uses)
    if dense is None or dropout.name != "dropout" or dropout.inputs[0] is not dense.outputs[-1]:
        return None
    a, (y, mask) = dense.outputs[-1], dropout.outputs
    keeps_z = len(dense.outputs) == 2
    if (y is not a and not _only_between(a, calls, uses)) if keeps_z else y is a:
        return None
    kernel = table[f"{dense.name}_dropout"]
    return Call(kernel, (*dense.inputs, *dropout.inputs[1:]), (dense.outputs[0], y, mask))


def dense_loss(calls: Sequence[Call], table: KernelTable, uses: Uses) -> Call | None:
    """z = x W + b;  loss, delta of z   ->   dense_loss"""
    product, loss = calls
    if product.name != "dense" or loss.name not in LOSSES or loss.inputs[0] is not product.outputs[0]:
        return None
    if not _only_between(product.outputs[0], calls, uses):
        return None
    return Call(table[f"dense_{loss.name}"], (*product.inputs, *loss.inputs[1:]), loss.outputs)


def input_grad_activation(calls: Sequence[Call], table: KernelTable, uses: Uses) -> Call | None:
    """d = delta Wᵀ;  dz = d ⊙ g';  db = 1ᵀ dz   ->   input_grad_g"""
    product, gradient, bias = calls
    name = gradient.name.removesuffix("_grad")
    if product.name != "input_grad" or name not in ELEMENTWISE or gradient.name == name or bias.name != "bias_grad":
        return None
    (d,), (dz,) = product.outputs, gradient.outputs
    if gradient.inputs[0] is not d or bias.inputs[0] is not dz or not (d is dz or _only_between(d, calls, uses)):
        return None
    return Call(table[f"input_grad_{name}"], (*product.inputs, *gradient.inputs[1:]), (dz, *bias.outputs))


def dense_grad(calls: Sequence[Call], table: KernelTable, uses: Uses) -> Call | None:
    """db = 1ᵀ delta;  dW = xᵀ delta   ->   dense_grad"""
    bias, weight = calls
    if bias.name != "bias_grad" or weight.name != "weight_grad" or bias.inputs[0] is not weight.inputs[1]:
        return None
    return Call(table["dense_grad"], weight.inputs, (*weight.outputs, *bias.outputs))


def loss_scaled(calls: Sequence[Call], table: KernelTable, uses: Uses) -> Call | None:
    """loss, delta;  delta ← S delta   ->   loss_scaled"""
    loss, scaling = calls
    if (
        loss.name.removeprefix("dense_") not in LOSSES
        or scaling.name != "scaled"
        or scaling.inputs[0] is not loss.outputs[1]
    ):
        return None
    return Call(table[f"{loss.name}_scaled"], (*loss.inputs, scaling.inputs[1]), loss.outputs)


def dense_loss_scaled(calls: Sequence[Call], table: KernelTable, uses: Uses) -> Call | None:
    """z = x W + b;  loss, delta of z;  delta ← S delta   ->   dense_loss_scaled"""
    loss = dense_loss(calls[:2], table, uses)
    return loss_scaled((loss, calls[2]), table, uses) if loss else None


def update_rounded(calls: Sequence[Call], table: KernelTable, uses: Uses) -> Call | None:
    """theta of an optimizer;  copy = theta   ->   optimizer_rounded"""
    update, copy = calls
    if update.name not in OPTIMIZERS or copy.name != "rounded" or copy.inputs[0] is not update.outputs[0]:
        return None
    return Call(table[f"{update.name}_rounded"], update.inputs, (*update.outputs, *copy.outputs))


# (number of calls, rewrite); at each position the first that applies is taken
REWRITES: tuple[tuple[int, Rewrite], ...] = (
    (3, input_grad_activation),
    (3, dense_loss_scaled),
    (3, dense_activation_dropout),
    (2, loss_scaled),
    (2, update_rounded),
    (2, dense_activation),
    (2, dense_loss),
    (2, dense_grad),
)


def fuse(calls: Sequence[Call], table: KernelTable) -> list[Call]:
    """The same step in fewer calls."""
    uses: Uses = Counter(id(b) for call in calls for b in call.buffers())
    fused: list[Call] = []
    i = 0
    while i < len(calls):
        for length, rewrite in REWRITES:
            window = calls[i : i + length]
            call = rewrite(window, table, uses) if len(window) == length else None
            if call is not None and not _slower(call, window) and _allowed(call):
                fused.append(call)
                i += length
                break
        else:
            fused.append(calls[i])
            i += 1
    return fused


def _allowed(call: Call) -> bool:
    """Parts may write over what the whole still reads."""
    try:
        call.kernel.contract.check(call.name, call.inputs, call.outputs)
    except ContractError:
        return False
    return True


def _slower(call: Call, parts: Sequence[Call]) -> bool:
    return call.kernel.source == "reference" and any(part.kernel.source != "reference" for part in parts)
