"""Column sums over many rows, in blocks: in float32 a running sum over thousands of rows loses digits.

    part = part_of(total, rows)
    clear(part, total)
    for each block of BLOCK rows:
        ... part[j] += ...
        add_part(part, total, rows)

Up to BLOCK rows there is one block, and the part is the total itself.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from .compiled import WIDEST, inlined

BLOCK = 256


@intrinsic
def part_of(typing, total, rows):
    """The array that a block of rows is added to: the total if there is one block, otherwise scratch on the stack."""

    def code(context, builder, signature, a):
        part, element = make_array(total)(context, builder, a[0]), context.get_data_type(total.dtype)
        stack = cgutils.alloca_once(builder, ir.ArrayType(element, WIDEST))
        one_block = builder.icmp_signed("<=", a[1], a[1].type(BLOCK))
        part.data = builder.select(one_block, part.data, builder.bitcast(stack, element.as_pointer()))
        return part._getvalue()

    return total(total, types.int64), code


@inlined
def clear(part, total):
    for j in range(total.size):
        total[j] = 0
        part[j] = 0


@inlined
def add_part(part, total, rows):
    """Add the block's sums to the total, and clear them for the next block."""
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
    clear(part, sums)
    for start in range(0, rows, BLOCK):
        for i in range(start, min(start + BLOCK, rows)):
            x_i = x[i, lo:hi]
            for j in range(columns):
                part[j] += x_i[j]
        add_part(part, sums, rows)
