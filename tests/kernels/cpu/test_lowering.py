"""From bound calls to the worker's table: blocks of a call, and where threads wait."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore.backends.backend import Backend
from dlcore.kernels.table import BoundCall

pytest.importorskip("numba")
blas = pytest.importorskip("dlcore.kernels.cpu.blas")
if blas.reason():
    pytest.skip(blas.reason(), allow_module_level=True)

from dlcore.kernels.cpu import lowering  # noqa: E402

CPU = Backend.for_device("cpu").kernels


@pytest.mark.usefixtures("small_blocks")
def test_kernels_are_cut() -> None:
    """50 rows and 70 columns in blocks of at least 16 columns: four."""
    z = np.zeros((50, 70))
    call = BoundCall(CPU["dense_relu"], (np.zeros((50, 33)), np.zeros((33, 70)), np.zeros(70)), (z,))
    assert [row.blocks for row in lowering.rows_of(call)] == [4, 4]


def test_a_row_waits_only_for_what_it_needs() -> None:
    """Activation after its product: same columns, same thread, no wait.  The next product reads all columns: wait."""
    x, W, b, z, V, a = (np.zeros(s, "float32") for s in ((64, 512), (512, 512), 512, (64, 512), (512, 512), (64, 512)))
    first = lowering.rows_of(BoundCall(CPU["dense_relu"], (x, W, b), (z,)))
    second = lowering.rows_of(BoundCall(CPU["linear"], (z, V), (a,)))
    assert [row[5] for row in lowering.table([*first, *second])[0]] == [1, 0, 1]
