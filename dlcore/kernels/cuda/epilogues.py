"""Epilogues: what cuBLASLt can apply to a product before it writes it, and a probe of whether the results are right.

A library offers some epilogues for some dtypes, and they may be approximations or lose a NaN, so each is tried on an example
before it is used: its values must be within some units of the dtype's last place (32; 2 for 16 bits), and NaN must stay NaN, so
that a network that diverges shows it.  Where an epilogue is missing or fails, our own kernels do the same in a separate pass.

    p = op(a) op(b)          z = p + v for a bias v          kept: z itself, or a mask of bits

Entry (i, j) of a mask is bit j % 8 of byte j // 8 of row i, both for the library and for our kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypedDict

import numpy as np

from ..table import host_dtype
from .memory import DeviceArray, Memory

M, N, K = 64, 128, 32  # sizes of the example
BITS = 128  # rows of a mask are padded to a multiple of this many bits
ALIGNMENT = 16  # bytes, for vectors and kept arrays
# For products with K = 1 the library has no gradients of activations, and before 12.3.4 no sums: nvmath-python refuses them
SUMS_OF_TWO = ("DRELU", "DGELU", "BGRAD")
UNITS = {"float64": 2.0**-47, "float32": 2.0**-18, "float16": 2.0**-9, "bfloat16": 2.0**-6}  # error over largest value


def mask_bytes(columns: int) -> int:
    """Bytes in a row of the mask that ReLU keeps for its gradient."""
    return -(-columns // BITS) * BITS // 8


def gelu(z: np.ndarray) -> np.ndarray:
    """GELU in its tanh form."""
    a: np.ndarray = 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))
    return a


def gelu_grad(z: np.ndarray) -> np.ndarray:
    t = np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))
    slope: np.ndarray = 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z * z)
    return slope


def relu(z: np.ndarray) -> np.ndarray:
    return np.where(z <= 0, 0.0, z)  # this way round, NaN stays NaN


# name -> result for the product p, the bias v and the kept z
EPILOGUES: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "BIAS": lambda p, v, z: p + v,
    "RELU_BIAS": lambda p, v, z: relu(p + v),
    "RELU_AUX_BIAS": lambda p, v, z: relu(p + v),
    "GELU_BIAS": lambda p, v, z: gelu(p + v),
    "GELU_AUX_BIAS": lambda p, v, z: gelu(p + v),
    "DRELU": lambda p, v, z: np.where(z > 0, p, 0.0),
    "DRELU_BGRAD": lambda p, v, z: np.where(z > 0, p, 0.0),
    "DGELU": lambda p, v, z: p * gelu_grad(z),
    "DGELU_BGRAD": lambda p, v, z: p * gelu_grad(z),
    "BGRADA": lambda p, v, z: p,
    "BGRADB": lambda p, v, z: p,
}


class Tries(Protocol):
    """Products of gemm.py."""

    precision: str

    def tried(
        self, name: str, a: DeviceArray, b: DeviceArray, out: DeviceArray, vector: DeviceArray | None,
        kept: DeviceArray | None, /, *, transpose_a: bool, transpose_b: bool,
    ) -> bool:  # fmt: skip
        """Write out = epilogue `name` of op(a) op(b), if the library offers that; whether it does."""


class Verdict(TypedDict):
    """offered; error, relative to the largest value; right: whether that is small; keeps_nan.  None if not offered."""

    offered: bool
    error: float | None
    right: bool | None
    keeps_nan: bool | None


class Probe:
    """Tries epilogues of `products` (gemm.py) on its device, for factors of `dtype` and results of `dtype_out`."""

    def __init__(self, products: Tries, device: Memory, dtype: str, dtype_out: str | None = None) -> None:
        self._products, self._device, self._dtype, self._dtype_out = products, device, dtype, dtype_out or dtype
        random = np.random.default_rng(0)
        # small integers and halves: exact in every dtype, and so are their products
        self._a, self._b, self._v = (random.integers(-2, 3, shape) / 2.0 for shape in ((M, K), (K, N), N))

    def verdict(self, name: str) -> Verdict:
        facts: Verdict = {"offered": False, "error": None, "right": None, "keeps_nan": None}
        pairs = self._compared(name, self._a, self._b)
        if pairs is None:
            return facts
        error = max(float(np.abs(found - want).max() / np.abs(want).max()) for found, want in pairs)
        a, b = self._a.copy(), self._b.copy()
        a[3, 5] = b[7, 9] = np.nan
        spoilt = self._compared(name, a, b)
        keeps = spoilt is not None and all(np.isnan(found[np.isnan(want)]).all() for found, want in spoilt)
        limit = UNITS[self._dtype_out]
        if self._products.precision == "high" and self._dtype == "float32":
            limit = 2.0**-10  # the precision of TF32
        return {"offered": True, "error": error, "right": error <= limit, "keeps_nan": keeps}

    def _compared(self, name: str, a: np.ndarray, b: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]] | None:
        """(found, expected) for each result; None if the library has no such epilogue."""
        back, sums = name.startswith("D"), "BGRAD" in name
        z = self._a @ self._b + self._v
        forward = "AUX" in name  # it also writes what the gradient reads
        kept = self._kept(name, np.zeros((M, N)) if forward else z) if forward or back else None
        vector = self._put(np.zeros(M if name == "BGRADB" else N) if sums else self._v, out=True)
        turned = name == "BGRADA"  # as a training step uses it
        first, second = a.T if turned else a, b.T if back else b
        out = self._put(np.zeros((M, N)), out=True)
        arrays = self._put(first), self._put(second), out
        used = vector if sums or "BIAS" in name else None
        if not self._products.tried(name, *arrays, used, kept, transpose_a=turned, transpose_b=back):
            return None
        with np.errstate(invalid="ignore"):
            p = a @ b
            want = EPILOGUES[name](p, self._v, z)
            pairs = [(self._get(out), want)]
            if sums:
                of = {"BGRADA": b.sum(axis=0), "BGRADB": a.sum(axis=1)}
                pairs.append((self._get(vector), of.get(name, want.sum(axis=0))))
            if forward and kept is not None:
                pairs.append((self._get(kept), self._get(self._kept(name, p + self._v))))
        return pairs

    def _kept(self, name: str, z: np.ndarray) -> DeviceArray:
        if "GELU" in name:
            return self._put(z, out=True)
        return self._device.asarray(np.packbits(z > 0, axis=1, bitorder="little"))

    def _put(self, values: np.ndarray, *, out: bool = False) -> DeviceArray:
        dtype = host_dtype(self._dtype_out if out else self._dtype)
        return self._device.asarray(np.ascontiguousarray(values).astype(dtype))

    def _get(self, array: DeviceArray) -> np.ndarray:
        values: np.ndarray = self._device.to_host(array).astype("float64")
        return values
