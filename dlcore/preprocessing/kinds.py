"""What the cells of a text column are: numbers, dates or categories, in which form, and what to tell the user about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..data.tables import Column, Table, Text
from . import cells
from .moments import find_dates
from .numerals import PLAIN, UNITS, Found, Numeral, are_codes, find, written_as_numbers

MOSTLY = 0.9  # a column with this share of numbers is a column of numbers, and its other cells are mistakes
_HALF = 0.5  # with this share it is worth a line
FEW = 10  # up to this many different texts become categories without a warning, even where some are numbers


@dataclass(frozen=True)
class Reading:
    """What the cells of a column are.

    kind      "number", "date" or "category"
    numeral   the form of the numbers, if it is a number or may be one
    form      of the dates, for strptime; None for ISO 8601
    detail    for the user: what most cells are, what the others are, and the flag that mends it; "" if there is nothing to say
    like      "number" or "date" where the cells of categories look like one
    """

    kind: str
    numeral: Numeral = PLAIN
    form: str | None = None
    detail: str = ""
    like: str = ""


@dataclass(frozen=True)
class Reader:
    """How text is read, where the user or other columns say so.

    usual       the decimal mark of the columns that leave no choice; "" if there are none
    forms       of dates by column; under None for all others
    """

    decimal: str | None = None
    thousands: str | None = None
    forms: Mapping[str | None, str] | None = None
    usual: str = ""

    def numeral(self, column: Column) -> Numeral:
        """The form in which the largest share of the cells are numbers."""
        if not isinstance(column, Text) or self._is_plain(column):
            return Numeral(self.decimal or ".")
        return self.find(column).numeral

    def form(self, name: str, column: Column) -> str | None:
        """The form in which the largest share of the cells are dates."""
        given = self._given(name)
        return given if given or not isinstance(column, Text) else find_dates(column.values, column.counts()).form

    def read(self, name: str, column: Text) -> Reading:
        """What the cells are.  A column that the file declares as text has categories, whatever they look like."""
        found = self._reading(name, column)
        if not column.typed:
            return found
        if not found.like and found.kind == "category":
            return found
        if len(cells.counted(column)) <= FEW and not found.numeral.unit:
            return Reading("category", found.numeral, found.form)
        like = found.like or found.kind
        first = next(iter(cells.counted(column)))
        detail = f"it is text in the file, and most of its cells look like {like}s ({first}); --types {name}={like} reads them"
        return Reading("category", found.numeral, found.form, detail, like)

    def _reading(self, name: str, column: Text) -> Reading:
        if name in (self.forms or {}):
            return Reading("date", form=self._given(name))
        if self._is_plain(column):
            return Reading("number")
        counts = column.counts()
        if are_codes(column.values, counts):
            form = self._given(name)  # such as %d%m%Y
            return Reading("date", form=form) if form and self._share(column, form) >= MOSTLY else Reading("category")
        found = self.find(column)
        numeral, unit = found.numeral, found.numeral.unit
        if found.share >= MOSTLY:
            if unit in UNITS or not unit:
                # 2,000 beside columns with decimal points needs no line; 1.234 beside one with decimal commas does
                sure = numeral.thousands != "." and numeral.decimal == self.usual
                return Reading("number", numeral, detail="" if sure else _two_ways(column, numeral, found.other))
            return Reading(
                "category",
                numeral,
                None,
                f"its cells are numbers with {unit!r}; --types {name}=number reads them",
                "number",
            )
        form, other = self._given(name), None
        share = self._share(column, form) if form else 0.0
        if share < MOSTLY:
            dates = find_dates(column.values, counts)
            if dates.share > share:
                form, other, share = dates.form, dates.other, dates.share
        if share >= MOSTLY:
            return Reading("date", form=form, detail=_day_or_month(name, column, form, other))
        if max(found.share, share) >= _HALF:
            if found.share >= share:
                values, what, share = cells.values_as_numbers(column, numeral), "number", found.share
            else:
                values, what = cells.values_as_days(column, form), "date"
            return Reading("category", numeral, form, _mixed(name, column, what, share, ~np.isnan(values)), what)
        given = [
            f"--{word} {mark or 'none'}"
            for word, mark in (("decimal", self.decimal), ("thousands", self.thousands))
            if mark is not None
        ]
        if given and Reader().find(column).share >= MOSTLY:
            shown = next(iter(cells.counted(column)))
            return Reading(
                "category", numeral, None, f"its cells are numbers ({shown}), and not with {' '.join(given)}", "number"
            )
        if written_as_numbers(column.values, counts) >= _HALF:
            shown = ", ".join([*cells.counted(column)][:3])
            detail = f"most of its cells are numbers, written in several ways ({shown}); write them in one way"
            return Reading("category", numeral, None, detail, "number")
        return Reading("category", numeral)

    def find(self, column: Text) -> Found:
        return find(
            column.values, column.counts(), lambda form: cells.values_as_numbers(column, form), decimal=self.decimal,
            thousands=self.thousands, usual=self.usual,
        )  # fmt: skip

    def _is_plain(self, column: Text) -> bool:
        """Whether all cells are numbers with decimal points, so that their text need not be looked at, which takes time."""
        return "," not in (self.decimal, self.usual) and cells.plain_numbers(column) is not None

    def _given(self, name: str) -> str | None:
        return (self.forms or {}).get(name, (self.forms or {}).get(None))

    def _share(self, column: Text, form: str | None) -> float:
        counts = column.counts()
        return float(counts[~np.isnan(cells.values_as_days(column, form))].sum()) / max(1, int(counts.sum()))


def usual_decimal(rows: Table, reader: Reader) -> str:
    """The decimal mark of those columns whose cells leave no choice, if all of them have the same; otherwise ""."""
    marks, plain, two_ways = set(), [], False
    for column in rows.columns.values():
        if not isinstance(column, Text) or column.typed:
            continue
        if cells.plain_numbers(column) is not None:
            plain.append(column)  # looked at only where it matters, because that takes time
        elif not are_codes(column.values, column.counts()):
            found = reader.find(column)
            if found.share >= MOSTLY:
                marks |= {found.decimal} - {""}
                two_ways = two_ways or found.other is not None
    if "," in marks or (two_ways and not marks):
        marks |= {found.decimal for found in map(reader.find, plain) if found.share >= MOSTLY} - {""}
    return marks.pop() if len(marks) == 1 else ""


def _two_ways(column: Text, numeral: Numeral, other: Numeral | None) -> str:
    """A sentence about cells that are other numbers in another form: 2,000 is 2000, or 2.0 with a decimal comma."""
    if other is None or not numeral.thousands:
        return ""
    one, two = cells.values_as_numbers(column, numeral), cells.values_as_numbers(column, other)
    differ = np.flatnonzero((one != two) & ~np.isnan(one) & ~np.isnan(two))
    if not len(differ):
        return ""
    at = int(differ[0])
    return f"{column.values[at]} is read as {one[at]:.15g}; --decimal {other.decimal} reads it as {two[at]:.15g}"


def _day_or_month(name: str, column: Text, form: str | None, other: str | None) -> str:
    """A sentence about dates that are other days if the month comes first."""
    if other is None or form is None:
        return ""
    one, two = cells.values_as_days(column, form), cells.values_as_days(column, other)
    differ = np.flatnonzero((one != two) & ~np.isnan(one) & ~np.isnan(two))
    if not len(differ):
        return ""
    at = int(differ[0])
    return f"{column.values[at]} is read as {form}; --date-format {name}={other} reads it otherwise"


def _mixed(name: str, column: Text, what: str, share: float, readable: np.ndarray) -> str:
    """Which cells are numbers, which are not, and the flag that mends it."""
    counts = column.counts()
    order = np.argsort(-counts, kind="stable")
    of = [column.values[i] for i in order if readable[i] and counts[i]]
    others = [column.values[i] for i in order if not readable[i] and counts[i]]
    shown = ", ".join(map(repr, others[:3])) + (", ..." if len(others) > 3 else "")
    if len(others) <= 3 and not any(any(map(str.isdigit, other)) for other in others):
        mend = f"if these stand for missing cells: --missing {_joined(others)}"
    elif what == "number":
        mend = f"correct them, or give --types {name}=number --bad-rows skip"
    else:
        mend = f"correct them, or give --types {name}=date --bad-rows skip"
    rest = 100 - round(100 * share)
    return f"{round(100 * share)} % of its cells are {what}s ({of[0]}), {rest} % are not ({shown}); {mend}"


def _joined(words: Sequence[str]) -> str:
    return ",".join(f"'{word}'" if " " in word else word for word in words)
