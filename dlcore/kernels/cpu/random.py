"""Philox4x32-10 in compiled code, and dropout: the same bits as the reference."""

import numpy as np

from ..reference.random import DROPOUT
from .compiled import compiled, inlined
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
    """Four entries at a time, from one block of Philox; lo is a multiple of four."""
    x, z, mask = x[lo:hi], z[lo:hi], mask[lo:hi]
    threshold = u64(keep * 4294967296.0)
    for quad in range((x.size + 3) // 4):
        words = philox(u32(DROPOUT), u32(layer), u32(progress[2]), u32(lo // 4 + quad), u32(key0), u32(key1))
        for lane in range(min(4, x.size - 4 * quad)):
            i = 4 * quad + lane
            kept = u64(words[lane]) < threshold
            mask[i] = kept
            z[i] = x[i] / like(x[i], keep) if kept else like(x[i], 0)


def dropout(x, progress, key0, key1, layer, keep, *, out):
    z, mask = out
    _dropout(x.reshape(-1), progress, key0, key1, layer, keep, z.reshape(-1), mask.reshape(-1))


@compiled(columns="delta mask dx")
def _dropout_grad(lo, hi, delta, mask, keep, dx):
    for i in range(len(delta)):
        d_i, m_i, dx_i = delta[i, lo:hi], mask[i, lo:hi], dx[i, lo:hi]
        for j in range(hi - lo):
            dx_i[j] = d_i[j] / like(d_i[j], keep) if m_i[j] else like(d_i[j], 0)


def dropout_grad(delta, mask, keep, *, out):
    _dropout_grad(delta, mask, keep, out)


KERNELS = {f.__name__: f for f in (dropout, dropout_grad)}
