"""Matrix products by NumPy's own BLAS, called by address from compiled code: OpenBLAS with 64-bit integers, as in NumPy's wheels.

With other builds (Accelerate, MKL, a distribution's) products are left to np.matmul.
"""

from functools import cache

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ...errors import ContractError
from ..blas import gemm_addresses
from .compiled import OPTIONS
from .entry import Entry
from .products import PLAIN, TRANSPOSED

_ROW_MAJOR = 101


def reason() -> str:
    """Why products cannot be called by address; empty if they can."""
    addresses = gemm_addresses()
    return "" if addresses and all(addresses.values()) else "NumPy's BLAS cannot be called by address"


def _gemm(real):
    """cblas_?gemm(row major, ta, tb, m, n, k, 1, A, lda, B, ldb, 0, C, ldc); words as integers."""

    @intrinsic
    def gemm(typing, address, ta, tb, m, n, k, A, lda, B, ldb, C, ldc):
        def code(context, builder, signature, a):
            i32, i64 = ir.IntType(32), ir.IntType(64)
            scalar, pointer = context.get_value_type(real), context.get_value_type(real).as_pointer()
            kinds = [i32, i32, i32, i64, i64, i64, scalar, pointer, i64, pointer, i64, scalar, pointer, i64]
            function = builder.inttoptr(a[0], ir.FunctionType(ir.VoidType(), kinds).as_pointer())
            flags = [builder.trunc(v, i32) for v in a[1:3]]
            x, y, z = (builder.inttoptr(a[i], pointer) for i in (6, 8, 10))
            one, zero = ir.Constant(scalar, 1.0), ir.Constant(scalar, 0.0)
            order = [ir.Constant(i32, _ROW_MAJOR), *flags, *a[3:6], one, x, a[7], y, a[9], zero, z, a[11]]
            builder.call(function, order)
            return context.get_dummy_value()

        return types.void(*(types.int64,) * 12), code

    return gemm


@cache
def _entry(dtype: str) -> Entry:
    gemm, size = _gemm(getattr(types, dtype)), np.dtype(dtype).itemsize

    def function(lo, hi, f, ta, tb, m, n, k, A, lda, B, ldb, C, ldc, cut):
        if cut == 1:  # rows of C, and of op(A)
            first = A + size * lo * (1 if ta == TRANSPOSED else lda)
            gemm(f, ta, tb, hi - lo, n, k, first, lda, B, ldb, C + size * lo * ldc, ldc)
        elif cut == 2:  # columns of C, and of op(B)
            first = B + size * lo * (ldb if tb == TRANSPOSED else 1)
            gemm(f, ta, tb, m, hi - lo, k, A, lda, first, ldb, C + size * lo, ldc)
        else:
            gemm(f, ta, tb, m, n, k, A, lda, B, ldb, C, ldc)

    return Entry(function, (types.int64,) * 13, OPTIONS, windowed=True, name=f"gemm {dtype}")


def entry(dtype: str) -> int:
    """Address of the product's entry for the table."""
    return _entry(dtype).address


def _layout(x: np.ndarray) -> tuple[int, int]:
    """CBLAS's transposition flag and leading dimension of a matrix, which may be the transpose of an array."""
    rows, columns = x.shape
    for flag, flat, width in ((PLAIN, x, columns), (TRANSPOSED, x.T, rows)):
        if flat.flags.c_contiguous:
            return flag, max(width, 1)
    raise ContractError("a factor of a product is neither contiguous nor the transpose of a matrix that is")


def words(x: np.ndarray, y: np.ndarray, out: np.ndarray, axis: str) -> list[int]:
    """Arguments of the entry: out = x y, cut along `axis` of out ("rows", "columns" or "")."""
    (ta, lda), (tb, ldb), (m, n), k = _layout(x), _layout(y), out.shape, x.shape[1]
    cut = {"": 0, "rows": 1, "columns": 2}[axis]
    address = gemm_addresses()[out.dtype.name]
    return [address, ta, tb, m, n, k, x.ctypes.data, lda, y.ctypes.data, ldb, out.ctypes.data, max(n, 1), cut]


def base(x: np.ndarray) -> tuple[np.ndarray, bool]:
    """The matrix as it lies in memory, and whether x is its transpose."""
    return (x, False) if _layout(x)[0] == PLAIN else (x.T, True)
