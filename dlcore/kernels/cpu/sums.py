"""Column sums over many rows, in blocks: in float32 a sum that goes on for thousands of rows loses digits.

    part = part_of(total, rows)
    for each block of BLOCK rows:
        ... part[j] += ...
        add_part(part, total, rows)

Up to BLOCK rows there is one block, the part is the total itself, and nothing is allocated.
"""

import numpy as np

from .compiled import inlined

BLOCK = 256


@inlined
def part_of(total, rows):
    """Where a block adds its rows; it and the total begin at 0."""
    part = total if rows <= BLOCK else np.empty_like(total)
    for j in range(total.size):
        total[j] = 0
        part[j] = 0
    return part


@inlined
def add_part(part, total, rows):
    """The block's sums to the total, and 0 for the next block."""
    if rows > BLOCK:
        for j in range(total.size):
            total[j] += part[j]
            part[j] = 0


@inlined
def column_sums(lo, hi, x, total):
    """total[j] = Σ_i x[i, j] for the columns from lo to hi"""
    rows, columns = len(x), hi - lo
    sums = total[lo:hi]
    part = part_of(sums, rows)
    for start in range(0, rows, BLOCK):
        for i in range(start, min(start + BLOCK, rows)):
            x_i = x[i, lo:hi]
            for j in range(columns):
                part[j] += x_i[j]
        add_part(part, sums, rows)
