"""How dates are written in text: read as days, and the form found from the cells of a column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

_EPOCH = datetime(1970, 1, 1)
_MONTH = r"[A-Za-z]{3,9}\.?"
_LIKE_A_DATE = re.compile(  # 31/12/2024, 2024.12.31, 31-Dec-24, 31 December 2024, Dec 31, 2024; each with a time or without
    rf"(\d{{1,4}}([./-])\d{{1,2}}\2\d{{1,4}}|\d{{1,2}}([ -]){_MONTH}\3\d{{2,4}}|{_MONTH} \d{{1,2}},? \d{{4}})([ T]\d.*)?",
    re.ASCII,
)
# day first before month first: where every cell can be read both ways, the first is taken and the second named
_DAYS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y",
    "%d-%m-%y", "%m-%d-%y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", " %H:%M:%S.%f")
_SAMPLE = 50


@dataclass(frozen=True)
class FoundDates:
    """The form that reads the largest share of the cells, None for ISO 8601; `other` reads all of those as other days."""

    form: str | None
    share: float
    other: str | None = None


def days(cell: str, form: str | None = None) -> float:
    """Days since 1970-01-01 of a date, with the time of day as a fraction; in UTC if the text has an offset.  NaN for no date.

    form   a format of strptime, such as "%d.%m.%Y"; None for ISO 8601
    """
    try:
        moment = datetime.strptime(cell, form) if form else datetime.fromisoformat(cell)
    except ValueError:
        return float("nan")
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:  # year 1 or 9999
            return float("nan")
    return (moment - _EPOCH).total_seconds() / 86400


def days_in(values: Iterable[str], form: str | None) -> np.ndarray:
    """`days` of each value."""
    return np.array([days(value, form) for value in values], np.float64)


def find_dates(values: Sequence[str], counts: np.ndarray) -> FoundDates:
    """The form of these distinct values, each with the number of its cells."""
    total = float(counts.sum())
    present = np.flatnonzero(counts)
    if not len(present):
        return FoundDates(None, 0.0)
    # evenly over all of them: files are sorted by date, and the first ones may all lie in one month
    sample = [values[i] for i in present[np.linspace(0, len(present) - 1, min(_SAMPLE, len(present))).astype(int)]]

    def share(form: str | None) -> float:
        return float(counts[~np.isnan(days_in(values, form))].sum()) / total

    iso = np.mean(~np.isnan(days_in(sample, None)))
    best = FoundDates(None, share(None) if iso >= 0.5 else 0.0)
    if iso >= 0.5 or np.mean([bool(_LIKE_A_DATE.fullmatch(value)) for value in sample]) < 0.5:
        return best
    for form in (day + time for day in _DAYS for time in _TIMES):
        if np.mean(~np.isnan(days_in(sample, form))) < 0.3:  # a third of the days are above 12
            continue
        found = share(form)
        if found > best.share:
            best = FoundDates(form, found)
        elif found == best.share > 0 and best.other is None and best.form is not None:
            best = FoundDates(best.form, found, form)
    if best.other is not None:
        same = np.array_equal(days_in(values, best.form), days_in(values, best.other), equal_nan=True)
        best = FoundDates(best.form, best.share, None if same else best.other)
    return best
