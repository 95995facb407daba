"""Randomness as a function: Philox4x32-10 on (key = seed, counter), and the order and dropout masks drawn from it in a step.

The counter is (purpose, layer, epoch or step, position / 4); position % 4 picks one of the four words.
Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011).
"""

import math

from ..contract import contract

ORDER = 0x4F524452  # "ORDR"
DROPOUT = 0x44524F50  # "DROP"
INITIAL = 0x494E4954  # "INIT"
_M32 = 0xFFFFFFFF


def philox(counter, key0, key1):
    """Four 32-bit words for a counter of four.  Words are Python integers or uint64 arrays of one namespace."""
    c0, c1, c2, c3 = counter
    for _ in range(10):
        p, q = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (q >> 32) ^ c1 ^ key0, q & _M32, (p >> 32) ^ c3 ^ key1, p & _M32
        key0, key1 = (key0 + 0x9E3779B9) & _M32, (key1 + 0xBB67AE85) & _M32
    return c0, c1, c2, c3


def rounds(n):
    """Feistel rounds: with 8 the order is biased for n <= 32, with 12 for n <= 6; 24 below 1024 is safe and cheap."""
    return 24 if n < 1024 else 12


def sides(n):
    """a, b about √n with a b >= n: the grid has few cells beyond n, so cycle walking is short."""
    a = math.isqrt(n - 1) + 1
    return a, -(-n // a)


def _hash(x):
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & _M32
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & _M32
    return x ^ (x >> 16)


def keyed_order(xp, position, n, epoch, key0, key1):
    """Row at each position (uint64, below n) of an epoch: a keyed permutation of 0 … n−1 without an index array.

    Generalized Feistel network on Z_a × Z_b with cycle walking (Black & Rogaway, 2002); epoch is a uint64 array without
    dimensions, and the round keys are Philox words of (purpose, 0, epoch, block).
    """
    words = [w for block in range(rounds(n) // 4) for w in philox((ORDER, 0, epoch, block), key0, key1)]
    a, b = sides(n)

    def once(x):
        left, right = x // b, x % b
        for k, l in zip(words[::2], words[1::2], strict=True):
            left = left + ((_hash((right + k) & _M32) * a) >> 32)
            left = xp.where(left >= a, left - a, left)
            right = right + ((_hash((left + l) & _M32) * b) >> 32)
            right = xp.where(right >= b, right - b, right)
        return left * b + right

    x = once(position)
    while bool(xp.any(x >= n)):
        x = xp.where(x >= n, once(x), x)
    return x


@contract(
    "x[n,o] progress[4]:count key0:count key1:count layer:count keep[1]:share -> z[n,o] mask[n,o]:bits",
    alias="z x",
)
def dropout(xp, x, progress, key0, key1, layer, keep):
    """mask = 1[r < ⌊keep·2³²⌋],  z = x mask / keep,  r the Philox words of (purpose, layer, evaluation).  Srivastava et al. (2014)."""
    n, o = x.shape
    quads = xp.arange(-(-n * o // 4), dtype=xp.uint64)
    step = xp.astype(progress[2], xp.uint64)
    words = xp.stack(xp.broadcast_arrays(*philox((DROPOUT, layer, step & _M32, quads), key0, key1)), axis=1)
    kept = xp.reshape(xp.reshape(words, (-1,))[: n * o], (n, o)) < xp.astype(keep * 2.0**32, xp.uint64)
    return xp.where(kept, x / xp.astype(keep, x.dtype), xp.zeros_like(x)), xp.astype(kept, xp.uint8)


@contract("delta[n,o] mask[n,o]:bits keep[1]:share -> dx[n,o]", alias="dx delta")
def dropout_grad(xp, delta, mask, keep):
    """dx = delta mask / keep"""
    return xp.where(mask != 0, delta / xp.astype(keep, delta.dtype), xp.zeros_like(delta))
