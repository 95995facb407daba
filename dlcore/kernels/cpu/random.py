"""Philox4x32-10 in compiled code, and dropout: the same bits as the reference."""

import numpy as np

from ..reference.random import DROPOUT
from .activations import begin
from .compiled import WIDEST, compiled, inlined
from .intrinsics import on_stack
from .special import like

u32, u64 = np.uint32, np.uint64


@inlined
def philox(c0, c1, c2, c3, k0, k1):
    """All words uint32."""
    for _ in range(10):
        p = u64(0xD2511F53) * u64(c0)
        q = u64(0xCD9E8D57) * u64(c2)
        c0, c1, c2, c3 = u32(u32(q >> u64(32)) ^ c1 ^ k0), u32(q), u32(u32(p >> u64(32)) ^ c3 ^ k1), u32(p)
        k0, k1 = u32(k0 + u32(0x9E3779B9)), u32(k1 + u32(0xBB67AE85))
    return c0, c1, c2, c3


@compiled(rows="x z mask")
def _dropout(lo, hi, x, progress, key0, key1, layer, keep, z, mask):
    """Four entries from each block of Philox, a run of blocks at a time, so that both loops vectorize; lo is a multiple of 4."""
    share, words = keep[0], on_stack(u32(0))
    step, threshold = u32(progress[2]), u64(share * 4294967296.0)
    for start in range(lo, hi, WIDEST):
        stop = min(start + WIDEST, hi)
        for block in range((stop - start + 3) // 4):
            w0, w1, w2, w3 = philox(u32(DROPOUT), u32(layer), step, u32(start // 4 + block), u32(key0), u32(key1))
            words[4 * block] = w0
            words[4 * block + 1] = w1
            words[4 * block + 2] = w2
            words[4 * block + 3] = w3
        z_i, mask_i = z[start:stop], mask[start:stop]
        begin(x[start:stop], z_i)
        for i in range(z_i.size):
            kept = u64(words[i]) < threshold
            mask_i[i] = kept
            z_i[i] = z_i[i] / like(z_i[i], share) if kept else like(z_i[i], 0)


def dropout(x, progress, key0, key1, layer, keep, *, out):
    z, mask = out
    _dropout(x.reshape(-1), progress, key0, key1, layer, keep, z.reshape(-1), mask.reshape(-1))


@compiled(columns="delta mask dx")
def _dropout_grad(lo, hi, delta, mask, keep, dx):
    share = keep[0]
    for i in range(len(delta)):
        m_i, dx_i = mask[i, lo:hi], dx[i, lo:hi]
        begin(delta[i, lo:hi], dx_i)
        for j in range(hi - lo):
            dx_i[j] = dx_i[j] / like(dx_i[j], share) if m_i[j] else like(dx_i[j], 0)


def dropout_grad(delta, mask, keep, *, out):
    _dropout_grad(delta, mask, keep, out)


KERNELS = {f.__name__: f for f in (dropout, dropout_grad)}
