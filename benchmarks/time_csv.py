"""Reading CSV files into numbers, beside pandas: seconds and the peak of memory, each in a new process.

Files are drawn here: tables of numbers, long and wide, and files that are small on disk and large in memory, or wide enough for a
quadratic step to be felt.  The time does not include importing the library.  A file that dlcore refuses has its seconds too: it
must be refused at once.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import record
import tables
from rounds import Spread, interleaved, ratios

LIMIT = 3.0  # times and memory of pandas, for the tables of numbers

PROGRAMS = {
    "dlcore": """
from dlcore.data.table_files import read_table
import pyarrow.csv, pyarrow.compute
def read(file):
    for column in read_table(file).columns.values():
        column.plain_numbers()
""",
    "dlcore, csv module": """
import sys
sys.modules["pyarrow"] = None
from dlcore.data.table_files import read_table
def read(file):
    read_table(file)
""",
    "pandas": """
import pandas
read = pandas.read_csv
""",
}
MEASURED = """
import json, resource, sys, time
unit = 1 if sys.platform == "darwin" else 1024
start = time.perf_counter()
try:
    read(sys.argv[1])
    outcome = "read"
except Exception as error:
    outcome = type(error).__name__
seconds = time.perf_counter() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, outcome]))
"""


def main() -> None:
    parser = record.options(__doc__, rounds=7)
    chosen = record.begin(parser)
    run = record.Record("time_csv", chosen)
    with tempfile.TemporaryDirectory() as folder:
        for name, file in files(Path(folder), chosen.quick).items():
            turns = {who: (lambda who=who, file=file: measured(who, file)) for who in contestants()}
            for who, results in interleaved(turns, chosen.rounds).items():
                seconds, peaks, outcomes = (list(found) for found in zip(*results, strict=True))
                run.add({"file": name, "contestant": who, "seconds": seconds, "bytes": peaks, "outcome": outcomes[0]})
    run.finish(summary)


def contestants() -> list[str]:
    import importlib.util

    return [who for who in PROGRAMS if who != "pandas" or importlib.util.find_spec("pandas")]


def files(folder: Path, quick: bool) -> dict[str, Path]:
    """The files by what they are; small ones for a quick run."""
    rng, part = np.random.default_rng(0), 100 if quick else 1
    made = {}
    for rows, columns in ((100_000 // part, 20), (300, 10_000 // part)):
        path = made[f"{rows:,} x {columns:,} numbers"] = folder / f"{rows}.csv"
        header = ",".join(f"c{i}" for i in range(columns))
        body = "\n".join(",".join(map(repr, row)) for row in rng.normal(size=(rows, columns)).round(6).tolist())
        path.write_text(f"{header}\n{body}\n", "utf-8")
    columns = 100_000 // part
    path = made[f"a header of {columns:,} names"] = folder / "header.csv"
    path.write_text(f"{','.join(f'c{i}' for i in range(columns))}\n" + f"{','.join(['1.5'] * columns)}\n" * 3, "utf-8")
    columns = 2_000_001 // part
    path = made[f"2 x {columns:,} cells"] = folder / "cells.csv"
    path.write_text(f"{','.join(f'c{i}' for i in range(columns))}\n{','.join(['1'] * columns)}\n", "utf-8")
    size = (256 << 20) // part
    path = made[f"a cell of {size >> 20} MiB in a gz file"] = folder / "cell.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1," + b"x" * size + b"\n"))
    return dict([next(iter(made.items())), made.popitem()]) if quick else made


def measured(who: str, file: Path) -> tuple[float, int, str]:
    """Seconds, peak of memory in bytes, and what came of it, in a new process."""
    import dlcore

    environment = os.environ | {"PYTHONPATH": str(Path(dlcore.__file__).parents[1])}
    command = [sys.executable, "-c", PROGRAMS[who] + MEASURED, str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    seconds, peak, outcome = json.loads(done.stdout)
    return seconds, peak, outcome


def summary(values: Mapping[str, Any]) -> str:
    """A row for each file and contestant: medians of time and memory, beside pandas'."""
    by_file: dict[str, dict[str, Any]] = {}
    for result in values["results"]:
        by_file.setdefault(result["file"], {})[result["contestant"]] = result
    rows = []
    for name, results in by_file.items():
        pandas = results.get("pandas")
        for who, result in results.items():
            beside = pandas and who != "pandas"
            rows.append(
                [
                    name, who, result["outcome"], tables.seconds(Spread.of(result["seconds"]).median),
                    tables.spread(ratios(result["seconds"], pandas["seconds"])) if beside else "",
                    f"{Spread.of(result['bytes']).median / 1e6:,.0f} MB",
                    tables.spread(ratios(result["bytes"], pandas["bytes"])) if beside else "",
                    verdict(result, pandas) if beside and who == "dlcore" and "numbers" in name else "",
                ]
            )  # fmt: skip
    header = ["file", "by", "outcome", "time", "beside pandas", "memory", "beside pandas", "limit of both"]
    return tables.markdown(header, rows)


def verdict(result: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The limit, and whether the medians keep it."""
    kept = all(ratios(result[part], other[part]).median <= LIMIT for part in ("seconds", "bytes"))
    return f"{LIMIT:g}" + ("" if kept else ", missed")


if __name__ == "__main__":
    main()
