"""docs/data.md, its first part: every row of its tables is read as the page says."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.csv_dialect import Dialect
from dlcore.data.frames import table
from dlcore.data.markers import MISSING
from dlcore.data.table_files import read_table
from dlcore.data.tables import Column
from dlcore.preprocessing import Preprocessing

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
WORDS = {"one": 1, "two": 2, "three": 3, "nine": 9}
NAMES = {"np": np, "date": date, "datetime": datetime, "timedelta": timedelta, "timezone": timezone, "Decimal": Decimal}


def rows_of(header: str) -> list[list[str]]:
    """The rows of the table with this header."""
    after = PAGE[PAGE.index(header) :].splitlines()[2:]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in after[: after.index("")]]
    assert rows
    return rows


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]*)`", text)


def shown(column: Column) -> tuple[list[str], int]:
    """The cells as text, and how many are missing."""
    gone = column.missing()
    cells = [column.cell(row) for row in range(len(column)) if not gone[row]]
    return [str(cell) for cell in cells], int(gone.sum())


def expected(text: str) -> tuple[list[str], int]:
    count = re.search(r"(\w+) missing", text)
    return code(text), WORDS[count[1]] if count else 0


@pytest.mark.parametrize("row", rows_of("| the file | is read as |"), ids=lambda row: row[0])
def test_files(row: list[str], tmp_path: Path) -> None:
    (content,) = code(row[0])
    (tmp_path / "t.csv").write_text(content.replace("⏎", "\n").replace("→", "\t"), "utf-8")
    found = read_table(tmp_path / "t.csv")
    columns = [code(part) for part in row[1].split("; ")]
    assert {name: shown(column) for name, column in found.columns.items()} == {n: (cells, 0) for n, *cells in columns}


@pytest.mark.parametrize("reader", ["csv", "parquet", "list", "objects"])
@pytest.mark.parametrize("row", rows_of("| cells | markers | are read as |"), ids=lambda row: row[0])
def test_cells(row: list[str], reader: str, tmp_path: Path) -> None:
    values = [eval(cell, {}) for cell in code(row[0])]  # the page is ours
    missing = ("", *code(row[1])) if code(row[1]) else MISSING
    if reader == "csv":
        written = io.StringIO()
        csv.writer(written).writerows([["x", "y"], *[["" if v is None else v, "y"] for v in values]])
        (tmp_path / "t.csv").write_text(written.getvalue())
        found = read_table(tmp_path / "t.csv", Dialect(missing=missing, header=True, separator=","))
    elif reader == "parquet":
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        if len({type(value) for value in values} - {type(None)}) > 1 and str in map(type, values):
            values = [str(value) for value in values]
        parquet.write_table(pa.table({"x": pa.array(values, from_pandas=True)}), tmp_path / "t.parquet")
        found = read_table(tmp_path / "t.parquet", Dialect(missing=missing))
    else:
        found = table({"x": values if reader == "list" else np.array(values, object)}, missing=missing)
    cells, gone = shown(found.columns["x"])
    wanted, count = expected(row[2])
    assert [cell.removesuffix(".0") for cell in cells] == wanted
    assert gone == count


@pytest.mark.parametrize("row", rows_of("| the column | is read as |"), ids=lambda row: row[0])
def test_objects(row: list[str]) -> None:
    (source,) = code(row[0])
    values: Any = eval(source, dict(NAMES))
    if not row[1].startswith("refused"):
        assert shown(table({"x": values}).columns["x"]) == expected(row[1])
        return
    with pytest.raises(dl.DataError, match=row[1].partition(": ")[2]):
        Preprocessing().fit({"x": values})


def test_the_bounds_on_the_page() -> None:
    from dlcore.data.csv_bytes import LONGEST_LINE

    assert (Dialect().max_bytes, LONGEST_LINE, Dialect().max_columns) == (4 << 30, 64 << 20, 200_000)
    assert csv.field_size_limit() == 131_072
