"""Matrices for products, and what a device has chosen for them."""

from __future__ import annotations

import numpy as np

from .emulation import EmulatedDevice

RANDOM = np.random.default_rng(0)


def matrix(rows: int, columns: int, dtype: str = "float64") -> np.ndarray:
    return RANDOM.standard_normal((rows, columns)).astype(dtype)


def aligned(values: np.ndarray) -> np.ndarray:
    """A copy on a 64-byte boundary, as the arrays of a step are: what an epilogue is told the address of must be."""
    room = np.zeros(values.nbytes + 64, "uint8")
    copy = room[-room.ctypes.data % 64 :][: values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


def chosen(device: EmulatedDevice) -> list[int]:
    """Which proposal was taken for each product."""
    return [
        int(np.frombuffer(bytes.fromhex(value), "uint64")[6]) for value in device.algorithms.facts()["chosen"].values()
    ]
