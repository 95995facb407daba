"""Kernels by name, and calls of kernels on named buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlcore.errors import ContractError
from dlcore.kernels.contract import parse
from dlcore.kernels.table import Kernel

DENSE = parse("x[n,i] W[i,o] b[o] -> z[n,o]")


def zeros(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.zeros(shape, dtype)


def test_a_kernel_is_checked_before_it_runs() -> None:
    """A call against the contract never reaches the kernel."""

    def run(*inputs: Any, out: Any) -> None:
        raise AssertionError("reached")

    with pytest.raises(ContractError):
        Kernel("dense", DENSE, run, "test")(zeros(5, 3), zeros(3, 2), zeros(7), out=zeros(5, 2))
