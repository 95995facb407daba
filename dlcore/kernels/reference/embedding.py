"""Learned rows in place of columns that hold codes of categories.

Column j of x is copied where dimensions[j] is 0.  Otherwise it holds codes 1 … categories[j], and becomes dimensions[j]
columns, a row of its table; any other value is an unknown category and becomes zeros.  The tables lie one after the other in
E, row by row.  Columns of z that no column of x fills are 0, and so are rows of a table that E is too short for.  z and dE
are inputs only for their sizes, and are overwritten entirely.
"""

from ..contract import contract

_SHARED = "x[n,D]:whole categories[D]:count dimensions[D]:count"


def _tables(categories, dimensions):
    """(column of x, first column in z, first entry in E, categories, dimension) of each column"""
    place = start = 0
    for j in range(categories.shape[0]):
        c, e = int(categories[j]), int(dimensions[j])
        yield j, place, start, c, e
        place, start = place + max(e, 1), start + c * e


def _one_hot(xp, codes, c):
    """A column for each code 1 … c: 1 where the row has that code, else 0"""
    known = xp.arange(1, c + 1, dtype=codes.dtype)
    return xp.astype(codes[:, None] == known[None, :], codes.dtype)


@contract(f"{_SHARED} E[P] z[n,o] -> z[n,o]")
def embedding(xp, x, categories, dimensions, E, z):
    """z = (…, x_j, …, one-hot(x_j) E_j, …): columns without a table are copied, the others become rows of E_j[c,e]"""
    n, width = z.shape
    blocks = []
    for j, _, start, c, e in _tables(categories, dimensions):
        if e == 0:
            blocks.append(x[:, j : j + 1])
        elif start + c * e > E.shape[0]:
            blocks.append(xp.zeros((n, e), dtype=z.dtype))
        else:
            blocks.append(_one_hot(xp, x[:, j], c) @ xp.reshape(E[start : start + c * e], (c, e)))
    return xp.concat([*blocks, xp.zeros_like(z)], axis=1)[:, :width]


@contract(f"delta[n,o] {_SHARED} dE[P] -> dE[P]", wide="dE", tolerance=64)
def embedding_grad(xp, delta, x, categories, dimensions, dE):
    """dE_j = one-hot(x_j)ᵀ delta_j, delta_j the columns of delta where z holds rows of E_j"""
    n, width = delta.shape
    pieces = []
    for j, place, start, c, e in _tables(categories, dimensions):
        if start + c * e > dE.shape[0]:
            break
        if e:
            missing = xp.zeros((n, max(0, place + e - max(width, place))), dtype=delta.dtype)
            delta_j = xp.concat([delta[:, min(place, width) : min(place + e, width)], missing], axis=1)
            pieces.append(xp.reshape(_one_hot(xp, x[:, j], c).T @ delta_j, (c * e,)))
    return xp.concat([*pieces, xp.zeros_like(dE)])[: dE.shape[0]]
