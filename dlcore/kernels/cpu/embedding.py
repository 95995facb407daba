"""Embeddings: rows of tables to and from the columns of a batch.  Gradients add the rows of the batch in order.

A small table is summed in blocks of rows, because in float32 a running sum over thousands of rows loses digits.  A table of
more than WIDEST entries has few rows for each entry, and is added to directly.
"""

from .compiled import WIDEST, compiled, inlined
from .sums import BLOCK, add_part, clear, part_of


@inlined
def code_of(value, categories):
    """The code 1 … categories, or 0 for any other value"""
    code = int(value) if value >= 1 and value <= categories else 0
    return code if code == value else 0


@compiled()
def _embedding(x, categories, dimensions, E, z):
    rows, width = z.shape
    start, place = 0, 0
    for j in range(x.shape[1]):
        c, e = categories[j], dimensions[j]
        if e == 0:
            if place < width:
                for i in range(rows):
                    z[i, place] = x[i, j]
        else:
            filled = min(e, width - place)
            fits = start + c * e <= E.size
            for i in range(rows):
                code = code_of(x[i, j], c)
                for k in range(filled):
                    z[i, place + k] = E[start + (code - 1) * e + k] if fits and code else 0
        start += c * e
        place += max(e, 1)
    for i in range(rows):
        for k in range(place, width):
            z[i, k] = 0


def embedding(x, categories, dimensions, E, z, *, out):
    _embedding(x, categories, dimensions, E, out)


@compiled()
def _embedding_grad(delta, x, categories, dimensions, dE):
    rows, width = delta.shape
    for i in range(dE.size):
        dE[i] = 0
    start, place = 0, 0
    for j in range(x.shape[1]):
        c, e = categories[j], dimensions[j]
        if e > 0 and start + c * e <= dE.size:
            filled, table = min(e, width - place), dE[start : start + c * e]
            in_blocks = rows if table.size <= WIDEST else 0
            part = part_of(table, in_blocks)
            clear(part, table)
            for first in range(0, rows, BLOCK):
                for i in range(first, min(first + BLOCK, rows)):
                    code = code_of(x[i, j], c)
                    if code:
                        for k in range(filled):
                            part[(code - 1) * e + k] += delta[i, place + k]
                add_part(part, table, in_blocks)
        start += c * e
        place += max(e, 1)


def embedding_grad(delta, x, categories, dimensions, dE, *, out):
    _embedding_grad(delta, x, categories, dimensions, out)


KERNELS = {"embedding": embedding, "embedding_grad": embedding_grad}
