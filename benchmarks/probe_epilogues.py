"""Which epilogues cuBLASLt offers for which dtype, whether their values are right, and whether a NaN comes through.

An epilogue is work that the library does on a product before it is written.  dlcore uses one only where this table says
"right" (it tries for itself, on the machine that it runs on); "NaN lost" means that a network that diverges would not show it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dlcore.backend import Backend
from dlcore.errors import DeviceError
from dlcore.kernels.cuda import CupyDevice
from dlcore.kernels.cuda.gemm import Products
from dlcore.kernels.table import host_dtype

M, N, K = 64, 128, 32  # out[M,N] = a[M,K] b[K,N]; the leading dimension of a mask is a multiple of 128
DTYPES = (
    ("float32", "highest"),
    ("float32", "high"),
    ("float64", "highest"),
    ("float16", "highest"),
    ("bfloat16", "highest"),
)
STRIDE = N // 8  # bytes of a row of the mask of ReLU


def gelu(z: np.ndarray) -> np.ndarray:
    """The tanh form."""
    return 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def gelu_grad(z: np.ndarray) -> np.ndarray:
    step = 1e-5
    return (gelu(z + step) - gelu(z - step)) / (2 * step)


def relu(z: np.ndarray) -> np.ndarray:
    return np.where(z <= 0, 0.0, z)  # this way round, NaN stays NaN


# name -> what is written for the product p, the bias and the kept pre-activation z
EPILOGUES: dict[str, Callable[..., np.ndarray]] = {
    "BIAS": lambda p, bias, z: p + bias,
    "RELU_BIAS": lambda p, bias, z: relu(p + bias),
    "RELU_AUX_BIAS": lambda p, bias, z: relu(p + bias),
    "GELU_BIAS": lambda p, bias, z: gelu(p + bias),
    "GELU_AUX_BIAS": lambda p, bias, z: gelu(p + bias),
    "DRELU": lambda p, bias, z: np.where(z > 0, p, 0.0),
    "DRELU_BGRAD": lambda p, bias, z: np.where(z > 0, p, 0.0),
    "DGELU": lambda p, bias, z: p * gelu_grad(z),
    "DGELU_BGRAD": lambda p, bias, z: p * gelu_grad(z),
    "BGRADA": lambda p, bias, z: p,
    "BGRADB": lambda p, bias, z: p,
}


class Probe:
    """The epilogues in one dtype, on a device of kernels/cuda/device.py with its library."""

    def __init__(self, library: Any, device: Any, dtype: str, precision: str) -> None:
        self._lt, self._device, self._dtype = library, device, dtype
        self._products = Products(library, device, precision)
        random = np.random.default_rng(0)
        # small integers and halves: every dtype holds them and their products
        self._a = random.integers(-2, 3, (M, K)) / 2.0
        self._b = random.integers(-2, 3, (K, N)) / 2.0
        self._bias = random.integers(-2, 3, N) / 2.0

    def verdict(self, name: str) -> dict[str, Any]:
        """offered, right, keeps_nan; the last two are None where there is nothing to be said."""
        try:
            offered, right = self._compare(name, self._a, self._close)
            a = self._a.copy()
            a[3, 5] = np.nan
            keeps = self._compare(name, a, _has_its_nan)[1] if offered else None
        except Exception as error:  # one epilogue that fails must not hide the others
            return {"offered": None, "right": None, "keeps_nan": None, "error": f"{type(error).__name__}: {error}"}
        return {"offered": offered, "right": right, "keeps_nan": keeps}

    def _compare(
        self, name: str, a: np.ndarray, agree: Callable[[np.ndarray, np.ndarray], bool]
    ) -> tuple[bool, bool | None]:
        b, backward = self._b, name.startswith("D")
        z = self._a @ b + self._bias
        aux = self._aux(name, z) if "AUX" in name or backward else None
        if backward and aux is None:
            return False, None
        bias = np.zeros(M if name == "BGRADB" else N) if "BGRAD" in name else self._bias
        ours = self._put(bias)
        found = self._run(name, a, ours, aux)
        if found is None:
            return False, None
        with np.errstate(invalid="ignore"):
            product = a @ b
            want = EPILOGUES[name](product, self._bias, z)
        right = agree(found, want)
        if "BGRAD" in name:
            sums = {"BGRADA": b.sum(axis=0), "BGRADB": a.sum(axis=1)}.get(name, want.sum(axis=0))
            right = right and agree(self._device.to_host(ours).astype("float64"), sums)
        return True, right

    def _aux(self, name: str, z: np.ndarray) -> Any:
        """What the forward epilogue keeps of z, written by itself, for this or for the backward one; None if there is none."""
        if "GELU" in name:
            return self._put(z)
        kept = self._device.zeros(M * STRIDE, "uint8")
        return kept if self._run("RELU_AUX_BIAS", self._a, self._put(self._bias), kept) is not None else None

    def _run(self, name: str, a: np.ndarray, bias: Any, aux: Any) -> np.ndarray | None:
        attribute, address = self._lt.MatmulDescAttribute, self._device.address
        settings = {attribute.EPILOGUE: int(self._lt.Epilogue[name])}
        if name not in ("DRELU", "DGELU"):
            settings[attribute.BIAS_POINTER] = address(bias)
        if aux is not None:
            settings |= {attribute.EPILOGUE_AUX_POINTER: address(aux), attribute.EPILOGUE_AUX_LD: N}
        arrays = [self._put(v) for v in (a, self._b, np.zeros((M, N)))]
        run = self._products.prepared(*arrays, False, False, settings)
        if run is None:
            return None
        run(*arrays)
        return self._device.to_host(arrays[2]).astype("float64")

    def _put(self, values: np.ndarray) -> Any:
        return self._device.asarray(values.astype(host_dtype(self._dtype)))

    def _close(self, found: np.ndarray, want: np.ndarray) -> bool:
        digits = {"float64": 1e-9, "float32": 1e-3, "float16": 4e-3, "bfloat16": 3e-2}[self._dtype]
        return bool(np.allclose(found, want, rtol=digits, atol=digits))


def _has_its_nan(found: np.ndarray, want: np.ndarray) -> bool:
    return bool(np.isnan(found[np.isnan(want)]).all())


def probe(library: Any, device: Any) -> list[dict[str, Any]]:
    """A row for each dtype and epilogue."""
    rows = []
    for dtype, precision in DTYPES:
        trial = Probe(library, device, dtype, precision)
        rows += [
            {"dtype": dtype, "precision": precision, "epilogue": name, **trial.verdict(name)} for name in EPILOGUES
        ]
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: epilogues down, dtypes across."""
    columns = [f"{dtype}, {precision}" if dtype == "float32" else dtype for dtype, precision in DTYPES]
    lines = ["| epilogue | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in EPILOGUES:
        cells = [word(row) for row in rows if row["epilogue"] == name]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def word(row: dict[str, Any]) -> str:
    if row["offered"] is None:
        return "error"
    if not row["offered"]:
        return "-"
    return ("right" if row["keeps_nan"] else "right, NaN lost") if row["right"] else "WRONG"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the table there")
    parser.add_argument("--device", default="cuda", help="cuda or cuda:1 (default: cuda)")
    chosen = parser.parse_args()
    try:
        backend = Backend.for_device(chosen.device)
        from nvmath.bindings import cublasLt
    except (DeviceError, ImportError) as error:
        parser.error(str(error))
    if backend.name == "cpu":
        parser.error("cuBLASLt works on a GPU")
    with backend.context():
        rows = probe(cublasLt, CupyDevice())
    if chosen.json:
        values = {"benchmark": "probe_epilogues", "cublaslt": int(cublasLt.get_version()), "results": rows}
        chosen.json.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    print(table(rows))
    for row in rows:
        if "error" in row:
            print(f"{row['epilogue']}, {row['dtype']}: {row['error']}")


if __name__ == "__main__":
    main()
