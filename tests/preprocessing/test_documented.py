"""The tables of docs/data.md: each line is a column that is read as the page says."""

from __future__ import annotations

import csv
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from dlcore.data import read_csv
from dlcore.preprocessing import Preprocessing
from dlcore.preprocessing.columns import CategoryColumn, Classes

from .people import csv_table

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def examples(heading: str) -> list[tuple[list[str], str, list[str], str]]:
    """(cells, kind, meanings, what the line says) of each line of the table below a heading."""
    section = PAGE.partition(f"### {heading}\n")[2].partition("\n### ")[0]
    found = []
    for left, right in re.findall(r"^\| (`.*`) \| (\w+: .*) \|$", section, re.MULTILINE):
        meaning, _, line = right.partition("; a line says that ")
        kind, _, values = meaning.partition(": ")
        found.append((re.findall(r"`([^`]*)`", left), kind, values.split(", "), re.sub(r"`", "", line)))
    assert len(found) >= 10
    return found


@pytest.fixture(params=["cells", "file"])
def make(request, tmp_path):
    """A table of text, and a CSV file of it."""

    def written(**columns):
        with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return read_csv(tmp_path / "t.csv")

    return csv_table if request.param == "cells" else written


def read(cells: list[str], target: bool, make):
    """The column x, repeated until no count of rows is in the way, beside another one; and the warnings."""
    many = cells * 30
    data = make(base=[i * 7 % 5 for i in range(len(many))], x=many)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = Preprocessing().fit(data, "x" if target else None)
    return fitted, data.columns["x"], [str(warning.message) for warning in caught]


@pytest.mark.parametrize(("cells", "kind", "values", "line"), examples("Features"), ids=lambda value: str(value)[:30])
def test_features_are_read_as_the_page_says(make, cells, kind, values, line):
    fitted, raw, said = read(cells, target=False, make=make)
    column = fitted.columns[1]
    if kind == "categories":
        assert isinstance(column, CategoryColumn)
        assert list(column.categories) == values
    else:
        assert column.date == (kind == "dates")
        days = (
            [(np.datetime64(value) - np.datetime64("1970-01-01")).astype(int) for value in values]
            if column.date
            else values
        )
        np.testing.assert_array_equal(column.read(raw)[: len(cells)], np.array(days, float))
    told(said, line)


def told(said: list[str], line: str) -> None:
    """One warning with the flag or the share that the page names, or none."""
    assert len(said) == bool(line)
    if line:
        assert re.search(r"--\S+ \S+|\d+ %", line)[0] in said[0]


@pytest.mark.parametrize(("cells", "kind", "values", "line"), examples("Targets"), ids=lambda value: str(value)[:30])
def test_targets_are_read_as_the_page_says(make, cells, kind, values, line):
    fitted, raw, said = read(cells, target=True, make=make)
    told(said, line)
    if kind == "classes":
        assert isinstance(fitted.target, Classes)
        assert list(fitted.target.labels) == values
    else:
        np.testing.assert_array_equal(fitted.target.read(raw)[: len(cells)], np.array(values, float))
