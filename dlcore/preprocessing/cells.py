"""Interpretation of cells: text to numbers and to days, the same for all file formats."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from ..data.tables import Column, Dates, Numbers, Text, Unusable
from ..errors import DataError

_NUMBER = {
    point: re.compile(rf"[+-]?(\d+{mark}?\d*|{mark}\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.ASCII | re.IGNORECASE)
    for point, mark in ((".", r"\."), (",", ","))
}
_DAY = np.timedelta64(1, "D")
_EPOCH = datetime(1970, 1, 1)


def number(cell: str, decimal: str = ".") -> float:
    """The number in a text, such as 12, -1.5 or 1e-3, with this decimal mark; NaN if it is no number.

    Stricter than Python's float: 1_000, and digits other than 0 to 9, are not numbers in a table.
    """
    if not _NUMBER[decimal].fullmatch(cell):
        return float("nan")
    return float(cell.replace(decimal, "."))


def days(cell: str, form: str | None = None) -> float:
    """Days since 1970-01-01 of a date, with the time of day as a fraction; in UTC if the text has an offset.  NaN for no date.

    form   a format of strptime, such as "%d.%m.%Y"; None for ISO 8601
    """
    try:
        moment = datetime.strptime(cell, form) if form else datetime.fromisoformat(cell)
    except ValueError:
        return float("nan")
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return (moment - _EPOCH).total_seconds() / 86400


def values_as_numbers(column: Text, decimal: str = ".") -> np.ndarray:
    """`number` of each of the values of the column, not of each cell."""
    return _values(column, ("number", decimal), lambda value: number(value, decimal))


def values_as_days(column: Text, form: str | None = None) -> np.ndarray:
    """`days` of each of the values of the column, not of each cell."""
    return _values(column, ("days", form), lambda value: days(value, form))


def numbers(column: Column, name: str, decimal: str = ".") -> np.ndarray:
    """float64 cells; NaN where one is missing or is no number.  Raises DataError for a column of dates or of no known kind."""
    if isinstance(column, Numbers):
        return column.values
    if isinstance(column, Text):
        plain = column.plain_numbers() if decimal == "." else None
        return _each(column, values_as_numbers(column, decimal)) if plain is None else plain
    raise DataError(f"column {name!r} holds {_kind(column)}, expected numbers")


def dates(column: Column, name: str, form: str | None = None) -> np.ndarray:
    """Days since 1970-01-01 as float64; NaN where a cell is missing or is no date.  Raises DataError as above."""
    if isinstance(column, Dates):
        return np.where(np.isnat(column.values), np.nan, (column.values - np.datetime64(0, "us")) / _DAY)
    if isinstance(column, Text):
        return _each(column, values_as_days(column, form))
    if isinstance(column, Numbers) and column.missing().all():
        return column.values
    raise DataError(f"column {name!r} holds {_kind(column)}, expected dates")


def key(value: float) -> str:
    """The text of a number as a category: 1, 1.0 and 1e0 have the same."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def keys(column: Column, name: str, numeric: bool, decimal: str = ".") -> Text:
    """The column as categories; `numeric` ones are compared by value, not by spelling."""
    if isinstance(column, Unusable):
        raise DataError(f"column {name!r} holds {column.kind}, expected text or numbers")
    if isinstance(column, Text) and not numeric:
        return column
    if isinstance(column, Dates):
        values, which = np.unique(column.values[~column.missing()], return_inverse=True)
        names = [str(value) for value in values]
    else:
        found = numbers(column, name, decimal)
        values, which = np.unique(found[~np.isnan(found)], return_inverse=True)
        names = [key(float(value)) for value in values]
    missing = column.missing() if isinstance(column, Dates) else np.isnan(found)
    codes = np.full(len(column), -1, np.int32)
    codes[~missing] = which
    if isinstance(column, Text):  # text that is no number is a separate category, not a missing cell
        other = missing & ~column.missing()
        codes[other] = column.codes[other] + len(names)
        names += column.values
    return Text(codes, tuple(names))


def _values(column: Text, meaning: tuple[str, str | None], read: Callable[[str], float]) -> np.ndarray:
    if meaning not in column.readings:
        column.readings[meaning] = np.array([*map(read, column.values)], np.float64)
    return column.readings[meaning]


def _each(column: Text, values: np.ndarray) -> np.ndarray:
    cells: np.ndarray = np.append(values, np.nan)[column.codes]  # code −1 is the last one
    return cells


def _kind(column: Column) -> str:
    return column.kind if isinstance(column, Unusable) else type(column).__name__.lower()
