"""Tables in memory: columns by name and number, cells of text, rows that were left out."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.frames import table
from dlcore.data.tables import Dates, Numbers, Table, Text, Unusable

from .cells import cells


def test_columns_by_name_and_number():
    found = table({"age": [1], "wage": [2], "7": [3]})
    assert [found.name(word) for word in ("age", "1", "-1", "2", "7")] == ["age", "age", "7", "wage", "7"]
    with pytest.raises(dl.DataError, match=r"no column 'WAGE' \(did you mean 'wage'\?\)"):
        found.name("WAGE")
    for word in ("agee", "8", "0"):
        with pytest.raises(dl.DataError, match=f"no column '{word}'.*there are: age, wage, 7"):
            found.name(word)


def test_rows_that_were_left_out_keep_their_places():
    """So that predictions of the others can be written beside the rows they belong to."""
    found = table({"a": [10, 11, 12, 13, 14]}).without({1: "bad"}).without({2: "worse"})
    assert cells(found, "a") == [10, 12, 14]
    assert [(s.line, s.why) for s in found.skipped] == [(2, "bad"), (4, "worse")]
    places, n = found.places()
    assert (places.tolist(), n) == ([0, 2, 4], 5)
    assert found.where(2) == "table, row 5"


def test_text_is_without_blanks_and_markers() -> None:
    """ " a", "a " and "a" are one value; markers of missing cells are found in upper and lower case."""
    column = Text.of(np.array([0, 1, 2, 3, -1, 4]), (" a", "NA", "a ", "", "b"), ("", "na"))
    assert [column.cell(row) for row in range(6)] == ["a", None, "a", None, None, "b"]
    assert column.values == ("a", "b")
    assert column.counts().tolist() == [2, 1]
    assert column.missing().tolist() == [False, True, False, True, True, False]
    part = column.take(np.array([5, 1]))
    assert ([part.cell(row) for row in range(2)], part.values) == (["b", None], ("a", "b"))


def test_numbers_and_dates_have_missing_cells() -> None:
    numbers = Numbers(np.array([1.0, np.nan]))
    dates = Dates(np.array(["2024-02-29", "NaT"], "M8[us]"))
    assert [column.missing().tolist() for column in (numbers, dates)] == [[False, True]] * 2
    assert dates.cell(0) == "2024-02-29T00:00:00.000000"
    assert len(Unusable("list", 3).take(np.array([True, False, True]))) == 2


def test_rows_are_taken_with_their_lines() -> None:
    """By mask or by index; a message names the line of the file."""
    found = Table({"a": Numbers(np.arange(4.0))}, "t.csv", np.array([2, 3, 5, 9]), "line")
    assert found.take(np.array([False, False, True, True])).where(1) == "t.csv, line 9"
    assert cells(found.take(np.array([3, 0])), "a") == [3, 0]
    assert found.without({}) is found


def test_columns_are_equally_long() -> None:
    with pytest.raises(dl.ShapeError, match="t: column 'b' has 1 rows and 'a' 2; columns of a table are equally long"):
        Table({"a": Numbers(np.zeros(2)), "b": Numbers(np.zeros(1))}, "t")
    assert len(Table({})) == 0


def test_a_long_list_of_columns_is_cut() -> None:
    with pytest.raises(dl.DataError, match=r"has no column 'x'; there are: c0, .*, c19, ... \(30 in all\)"):
        Table({f"c{i}": Numbers(np.zeros(1)) for i in range(30)}).column("x")
