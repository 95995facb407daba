"""Dates as they are written, against Python's datetime."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from dlcore.preprocessing.moments import days, days_in, find_dates

DAYS = [datetime(2023, 1, 1) + timedelta(days=17 * i) for i in range(60)]


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%d.%m.%y", "%m/%d/%y", "%d %b %Y", "%d %B %Y",
        "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%d.%m.%Y %H:%M:%S",
    ],
)  # fmt: skip
def test_forms_are_found(form):
    """From 60 days, some of them after the 12th of a month."""
    cells = [day.strftime(form) for day in DAYS]
    found = find_dates(cells, np.ones(60, int))
    assert found.share == 1
    assert found.other is None
    np.testing.assert_array_equal(days_in(cells, found.form), [(day - datetime(1970, 1, 1)).days for day in DAYS])


def test_days_that_may_be_months():
    """The day comes first, and the other reading is known."""
    found = find_dates(["03/04/2024", "05/06/2024"], np.ones(2, int))
    assert (found.form, found.other) == ("%d/%m/%Y", "%m/%d/%Y")
    assert find_dates(["03/03/2024", "05/05/2024"], np.ones(2, int)).other is None


@pytest.mark.parametrize("cells", [["1.2.3", "4.5.6"], ["A-1-B"], ["12"], ["31/31/2024"], ["10.0.0.1"], ["Kiel"]])
def test_what_is_no_date(cells):
    assert find_dates(cells, np.ones(len(cells), int)).share == 0


def test_the_first_and_last_years_with_an_offset_are_no_dates():
    """They have no moment in UTC."""
    assert np.isnan(days("0001-01-01T00:00+02:00"))
    assert np.isnan(days("9999-12-31T23:00-02:00"))
