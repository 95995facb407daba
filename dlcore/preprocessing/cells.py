"""Cells of a column as numbers, as days and as categories, the same for all file formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from ..data.tables import Column, Dates, Numbers, Text, Unusable
from ..errors import DataError
from .moments import days_in
from .numerals import EXACT, Numeral, plain, values_in

_DAY = np.timedelta64(1, "D")


def values_as_numbers(column: Text, form: Numeral) -> np.ndarray:
    """The numbers of the values of the column, not of each cell; NaN for a value that is none."""
    key = ("number", f"{form.decimal}{form.thousands or 'no'}{form.unit}")
    return _values(column, key, lambda: values_in(column.values, form))


def values_as_days(column: Text, form: str | None = None) -> np.ndarray:
    """The days of the values of the column, not of each cell; NaN for a value that is no date."""
    return _values(column, ("days", form), lambda: days_in(column.values, form))


def numbers(column: Column, name: str, form: Numeral) -> np.ndarray:
    """float64 cells; NaN where one is missing or is no number.  Raises DataError for a column of dates or of no known kind."""
    if isinstance(column, Numbers):
        return column.values
    if isinstance(column, Text):
        plain = plain_numbers(column) if form.decimal == "." and not form.unit else None
        return _each(column, values_as_numbers(column, form)) if plain is None else plain
    raise DataError(f"column {name!r} holds {_kind(column)}, expected numbers")


def plain_numbers(column: Text) -> np.ndarray | None:
    """The cells as numbers if the reader of the file knows that all are plain ones: the text then need not be looked at.

    None also where float64 merges integers: their text must be looked at.
    """
    found = column.plain_numbers()
    return found if found is not None and np.nanmax(np.abs(found), initial=0) < EXACT else None


def dates(column: Column, name: str, form: str | None = None) -> np.ndarray:
    """Days since 1970-01-01 as float64; NaN where a cell is missing or is no date.  Raises DataError as above."""
    if isinstance(column, Dates):
        return np.where(np.isnat(column.values), np.nan, (column.values - np.datetime64(0, "us")) / _DAY)
    if isinstance(column, Text):
        return _each(column, values_as_days(column, form))
    if isinstance(column, Numbers) and column.missing().all():
        return column.values
    raise DataError(f"column {name!r} holds {_kind(column)}, expected dates")


def are_integers(values: np.ndarray) -> bool:
    """Whether there are values, and all are integers that floats can tell apart."""
    return bool(len(values)) and bool((values == np.floor(values)).all()) and bool((np.abs(values) < EXACT).all())


# -- categories --------------------------------------------------------------------------------------------------------


def key(value: float) -> str:
    """The text of a number as a category: the integer 1 and the float 1.0 have the same."""
    return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)


def categories(column: Column, name: str) -> Text:
    """The column as categories, as they are spelled; a number is spelled by `key`.  Raises DataError for no known kind."""
    if isinstance(column, Unusable):
        raise DataError(f"column {name!r} holds {column.kind}, expected text or numbers")
    if isinstance(column, Text):
        return column
    missing = column.missing()
    values, which = np.unique(column.values[~missing], return_inverse=True)
    names = [key(float(value)) for value in values] if isinstance(column, Numbers) else [str(value) for value in values]
    codes = np.full(len(column), -1, np.int32)
    codes[~missing] = which
    return Text(codes, tuple(names))


def merged(column: Text) -> Text:
    """Spellings of one integer, such as 1 and 1.0, as one category under the most frequent of them.

    Only if the file does not declare the column as text, and all its cells are plain integers: versions 1.1 and 1.10, or codes
    01 and 1, stay apart.
    """
    values = np.array([plain(value) for value in column.values], np.float64)
    if column.typed or not len(values) or not (values == np.floor(values)).all():  # NaN is not equal to itself
        return column
    unique, which = np.unique(values, return_inverse=True)
    if len(unique) == len(values):
        return column
    counts, names = column.counts(), [""] * len(unique)
    for place in np.argsort(counts, kind="stable").tolist():  # the last one is the most frequent
        names[which[place]] = column.values[place]
    return Text(np.append(which, -1).astype(np.int32)[column.codes], tuple(names))


def places(names: Sequence[str], values: Sequence[str]) -> list[int]:
    """The index of each value among the names, −1 where it is none of them.

    A value belongs to the name of its spelling, otherwise to the only one of the same number: 1 to 1.0, but neither to 01.
    """
    index = {name: i for i, name in enumerate(names)}
    found = [index.get(value, -1) for value in values]
    if -1 in found:
        numbers = [plain(name) for name in names]
        times = Counter(numbers)
        by_number = {number: i for i, number in enumerate(numbers) if times[number] == 1 and number == number}
        found = [by_number.get(plain(value), -1) if at < 0 else at for value, at in zip(values, found, strict=True)]
    return found


def in_order(names: Sequence[str]) -> list[str]:
    """Names in the order of their numbers if all are numbers and no codes, otherwise in that of the alphabet."""
    numbers = [plain(name) for name in names]
    if any(number != number for number in numbers):
        return sorted(names)
    return [name for _, name in sorted(zip(numbers, names, strict=True))]


def counted(column: Text) -> dict[str, int]:
    """The number of cells of each category that occurs, most frequent first, then by name."""
    found = {value: int(count) for value, count in zip(column.values, column.counts(), strict=True) if count}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _values(column: Text, key: tuple[str, str | None], read: Callable[[], np.ndarray]) -> np.ndarray:
    if key not in column.readings:
        column.readings[key] = read()
    return column.readings[key]


def _each(column: Text, values: np.ndarray) -> np.ndarray:
    cells: np.ndarray = np.append(values, np.nan)[column.codes]  # code −1 is the last one
    return cells


def _kind(column: Column) -> str:
    return column.kind if isinstance(column, Unusable) else type(column).__name__.lower()
