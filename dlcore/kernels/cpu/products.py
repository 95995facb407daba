"""Matrix products by NumPy's BLAS."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .compiled import trace

PLAIN, TRANSPOSED = 111, 112  # CblasNoTrans, CblasTrans


class Product:
    """out = x y; a factor may be the transpose of an array.  Like a Loop, it can be traced, bound and called."""

    @staticmethod
    def bind(x: Any, y: Any, out: Any) -> Callable[[], None]:
        return partial(np.matmul, x, y, out=out)

    def __call__(self, x: Any, y: Any, *, out: Any) -> None:
        if trace.noted is not None:
            trace.noted.append((self, (x, y, out)))
        else:
            np.matmul(x, y, out=out)


product = Product()
