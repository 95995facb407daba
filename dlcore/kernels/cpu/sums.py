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
def column_sums(x, total):
    """total[j] = Σ_i x[i, j]"""
    rows, columns = x.shape
    part = part_of(total, rows)
    for start in range(0, rows, BLOCK):
        block = x[start : start + BLOCK]
        for i in range(block.shape[0]):
            for j in range(columns):
                part[j] += block[i, j]
        add_part(part, total, rows)
