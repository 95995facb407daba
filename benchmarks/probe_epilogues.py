"""Which epilogues cuBLASLt offers for which dtype, whether their values are right, and whether a NaN comes through.

An epilogue is an operation that the library applies to a product before it writes it.  dlcore uses one only where this table
says "right" (dlcore runs the same probe on its machine): "off by" is the error relative to the largest value, if it is more than
32 units of the dtype's last place (2 for 16 bits); "NaN lost" means that a network that diverges would not show it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from dlcore.backends.backend import Backend
from dlcore.errors import DeviceError
from dlcore.kernels.cuda import CupyDevice
from dlcore.kernels.cuda.epilogues import EPILOGUES, Probe
from dlcore.kernels.cuda.gemm import Products

DTYPES = (
    ("float32", "highest"),
    ("float32", "high"),
    ("float64", "highest"),
    ("float16", "highest"),
    ("bfloat16", "highest"),
)


def verdict(trial: Probe, name: str) -> dict[str, Any]:
    try:
        return trial.verdict(name)
    except Exception as error:  # one failing epilogue must not hide the others
        unknown = dict.fromkeys(("offered", "error", "right", "keeps_nan"))
        return {**unknown, "failure": f"{type(error).__name__}: {error}"}


def probe(library: Any, device: Any) -> list[dict[str, Any]]:
    """A row for each dtype and epilogue."""
    rows = []
    for dtype, precision in DTYPES:
        trial = Probe(Products(library, device, precision), device, dtype)
        place = {"dtype": dtype, "precision": precision}
        rows += [{**place, "epilogue": name, **verdict(trial, name)} for name in EPILOGUES]
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """A table in Markdown with a row per epilogue and a column per dtype."""
    columns = [f"{dtype}, {precision}" if dtype == "float32" else dtype for dtype, precision in DTYPES]
    lines = ["| epilogue | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in EPILOGUES:
        cells = [word(row) for row in rows if row["epilogue"] == name]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def word(row: dict[str, Any]) -> str:
    if row["offered"] is None:
        return "failed"
    if not row["offered"]:
        return "-"
    value = "right" if row["right"] else f"off by {row['error']:.0e}"
    return value if row["keeps_nan"] else f"{value}, NaN lost"


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
        if "failure" in row:
            print(f"{row['epilogue']}, {row['dtype']}: {row['failure']}")


if __name__ == "__main__":
    main()
