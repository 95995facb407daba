"""What a cell means: numbers, decimal commas, dates, categories that are numbers."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore.data.frames import table
from dlcore.preprocessing import Preprocessing

from .people import MIXED, csv_table, kinds, refuses


def test_categories_that_are_numbers_go_by_their_value():
    """1, 1.0 and the integer 1 of another file are one category, in order of their size."""
    fitted = Preprocessing().fit(csv_table(c=["10", "9", "1.0", "1"] * 20))
    assert fitted.outputs == ("c = 1", "c = 9", "c = 10")
    expected = [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    for rows in (csv_table(c=["1", "1e1", "7"]), table({"c": [1, 10, 7]}), table({"c": [1.0, 10.0, None]})):
        assert fitted.features(rows).tolist() == expected


def test_dates_in_another_form():
    """By strptime's letters, with the same days."""
    german = Preprocessing(date_format="%d.%m.%Y").fit(csv_table(d=["31.12.1999", "01.01.2000", "03.01.2000"]))
    iso = Preprocessing().fit(csv_table(d=["1999-12-31", "2000-01-01", "2000-01-03"]))
    assert kinds(german) == {"d": "date"}
    np.testing.assert_array_equal(
        german.features(csv_table(d=["04.01.2000"])), iso.features(csv_table(d=["2000-01-04T01:00+01:00"]))
    )


def test_decimal_commas():
    """As numbers where they are announced; otherwise they are categories, and a warning says so."""
    data = csv_table(x=["1,5", "2,5", "4"])
    np.testing.assert_allclose(
        Preprocessing(decimal=",").fit(data).features(data, "float64"),
        Preprocessing().fit(csv_table(x=[1.5, 2.5, 4])).features(csv_table(x=[1.5, 2.5, 4]), "float64"),
    )
    with pytest.warns(UserWarning, match="column 'x' is taken for categories; its cells are numbers with --decimal ,"):
        Preprocessing().fit(data)
    with pytest.warns(UserWarning, match=r"numbers with --decimal , \(if it does not set thousands apart"):
        Preprocessing().fit(csv_table(x=["1,500", "2,500", "400"]))
    many = csv_table(x=MIXED, y=[f"{i},5" for i in range(60)])
    refuses(many, "the target 'y' has 60 classes in 60 rows; if it is a number, .* or give --decimal ,", "y")
