"""Matrix products by NumPy's BLAS."""

from collections.abc import Callable
from functools import partial

import numpy as np

from .compiled import Noted, trace

PLAIN, TRANSPOSED = 111, 112  # CblasNoTrans, CblasTrans


class Product:
    """out = x y; a factor may be the transpose of an array.  Like a Loop, it can be traced, bound and called."""

    @staticmethod
    def bind(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> Callable[[], None]:
        return partial(np.matmul, x, y, out=out)

    def __call__(self, x, y, *, out):
        if trace.noted is not None:
            trace.noted.append(Noted(self, (x, y, out)))
        else:
            np.matmul(x, y, out=out)


product = Product()
