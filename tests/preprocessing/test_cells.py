"""What a cell means: dates, categories that are numbers."""

from __future__ import annotations

import numpy as np

from dlcore.data.frames import table
from dlcore.preprocessing import Preprocessing

from .people import csv_table, kinds


def test_categories_that_are_numbers_go_by_their_value():
    """1, 1.0 and the integer 1 of another file are one category, as it was spelled most often, in order of their size."""
    fitted = Preprocessing(types={"c": "category"}).fit(table({"c": [10, 9, 1, 1] * 20}))
    assert fitted.outputs == ("c = 1", "c = 9", "c = 10")
    expected = [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    for rows in (csv_table(c=["1", "10.0", "7"]), table({"c": [1, 10, 7]}), table({"c": [1.0, 10.0, None]})):
        assert fitted.features(rows).tolist() == expected


def test_dates_in_another_form():
    """By strptime's letters, with the same days."""
    german = Preprocessing(date_format="%d.%m.%Y").fit(csv_table(d=["31.12.1999", "01.01.2000", "03.01.2000"]))
    iso = Preprocessing().fit(csv_table(d=["1999-12-31", "2000-01-01", "2000-01-03"]))
    assert kinds(german) == {"d": "date"}
    np.testing.assert_array_equal(
        german.features(csv_table(d=["04.01.2000"])), iso.features(csv_table(d=["2000-01-04T01:00+01:00"]))
    )
