"""Matrix products by the BLAS that NumPy brings."""

import numpy as np

from .compiled import trace

PLAIN, TRANSPOSED = 111, 112  # how a factor lies in memory, in the numbers of CBLAS


def product(x, y, *, out):
    """out = x y; an argument may be the transpose of an array."""
    if trace.operations is not None:
        trace.operations.append((product, (x, y, out)))
    else:
        np.matmul(x, y, out=out)
