"""Small tables as they come from CSV files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.tables import Table, Text
from dlcore.preprocessing import FittedPreprocessing, Preprocessing
from dlcore.preprocessing.columns import CategoryColumn


def csv_table(**columns: list[Any]) -> Table:
    """A table as it comes from a CSV file: all text, "" where a cell is missing, from line 2 on."""
    made = {}
    for name, cells in columns.items():
        values = list(dict.fromkeys(map(str, cells)))
        codes = np.array([values.index(str(cell)) for cell in cells], np.int32)
        made[name] = Text.of(codes, values, ("",))
    n = len(next(iter(made.values())))
    return Table(made, "t.csv", np.arange(2, n + 2), "line")


PEOPLE = csv_table(
    age=[20, 30, "", 50],
    town=["Kiel", "Bonn", "Kiel", ""],
    born=["2004-01-01", "1994-01-03", "1984-01-02", "1974-01-01T12:00"],
    wage=[1000, 2000, 3000, 4000],
)
MIXED = [7 * i % 30 for i in range(60)]
FITTED = Preprocessing().fit(PEOPLE, "wage")


def refuses(data: Table, message: str, target: str | None = None, **wishes: Any) -> None:
    with pytest.raises(dl.DataError, match=message):
        Preprocessing(**wishes).fit(data, target)


def kinds(fitted: FittedPreprocessing) -> dict[str, str]:
    return {
        c.name: "category" if isinstance(c, CategoryColumn) else "date" if c.date else "number" for c in fitted.columns
    }
