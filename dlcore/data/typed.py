"""Columns of cells whose types are declared, by a file or by Python objects: the same column whichever reader it comes from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from ..errors import DataError
from .markers import Markers
from .tables import Column, Dates, Numbers, Text, Unusable

EXACT = 2**53  # float64 holds every integer up to it
_MICROSECONDS = {
    "W": 604_800_000_000,
    "D": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
}
_TRUTH = ("False", "True")


def booleans(values: np.ndarray, missing: np.ndarray | None, markers: Markers) -> Text:
    """The text True and False, as in a CSV file."""
    codes = values.astype(np.int32)
    if missing is not None:
        codes[missing] = -1
    return Text.of(codes, _TRUTH, markers).occurring()


def integers(values: np.ndarray, missing: np.ndarray | None, markers: Markers, measured: bool = False) -> Column:
    """Numbers; as text, like the cells of a CSV file, if float64 would merge some of them."""
    gone = markers.of_numbers(values)
    if missing is not None:
        gone |= missing
    kept = values[~gone]
    if len(kept) and (int(kept.max()) > EXACT or int(kept.min()) < -EXACT):
        distinct, which = np.unique(kept, return_inverse=True)
        codes = np.full(len(values), -1, np.int32)
        codes[~gone] = which
        return Text(codes, tuple(map(str, distinct.tolist())))
    return Numbers(np.where(gone, np.nan, values.astype(np.float64)), measured)


def floats(values: np.ndarray, markers: Markers, measured: bool = False) -> Numbers:
    """Numbers; NaN is missing."""
    gone = markers.of_numbers(values)
    wide = values.astype(np.float64)
    return Numbers(np.where(gone, np.nan, wide) if gone.any() else wide, measured)


def dates(values: np.ndarray, name: str, markers: Markers) -> Dates:
    """datetime64 of any unit.  Raises DataError for one that microseconds cannot hold: NumPy would wrap it to another date."""
    unit, count = np.datetime_data(values.dtype)
    present = ~np.isnat(values)
    if unit in ("Y", "M"):
        values, unit, count = values.astype("datetime64[D]"), "D", 1
    factor = _MICROSECONDS.get(unit, 0) * count
    if factor:
        ticks = (
            values.view(np.int64)
            if values.dtype.isnative
            else values.astype(values.dtype.newbyteorder("=")).view(np.int64)
        )
        far = present & ((ticks > (2**63 - 1) // factor) | (ticks < -((2**63 - 1) // factor)))
        if far.any():
            row = int(np.argmax(far))
            raise DataError(
                f"column {name!r}, row {row + 1}: {ticks[row]} {unit} since 1970 is no date that can be held"
            )
    micro = values.astype("datetime64[us]")
    gone = markers.of_dates(micro)
    if gone.any():
        micro = np.where(gone, np.datetime64("NaT", "us"), micro)
    return Dates(micro)


def category_name(value: Any) -> str:
    """The text of a category that may be a number, a boolean or a date: 1 and 1.0 are "1"."""
    if isinstance(value, (float, np.floating, Decimal)):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < EXACT else repr(number)
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[us]"))
    if isinstance(value, date):
        return str(_moment(value))
    return str(value)


def objects(cells: Sequence[Any], name: str, markers: Markers, measured: bool = False) -> Column:
    """A column of Python objects.  None, NaN, NaT and pandas' NA are missing.

    All booleans, all numbers, or all dates keep their types; text, and text among numbers and booleans, is text; anything else
    is of no use.
    """
    missing = np.array([is_missing(cell) for cell in cells], bool)
    present = [cell for cell, gone in zip(cells, missing.tolist(), strict=True) if not gone]
    kinds = {_kind(cell) for cell in present}
    other = next((cell for cell in present if _kind(cell) == "other"), None)
    if other is not None:
        if isinstance(other, np.ma.MaskedArray):
            raise masked(f"column {name!r}")
        return Unusable(type(other).__name__, len(cells))

    def spread(values: np.ndarray, empty: Any) -> np.ndarray:
        full = np.full(len(cells), empty, values.dtype)
        full[~missing] = values
        return full

    if not kinds:
        return Numbers(np.full(len(cells), np.nan), measured)
    if kinds == {"boolean"}:
        return booleans(spread(np.array(present, bool), False), missing, markers)
    if kinds == {"number"}:
        return _numbers(present, missing, spread, markers, measured)
    if kinds == {"date"}:
        return dates(
            spread(np.array([_moment(cell) for cell in present], "datetime64[us]"), np.datetime64("NaT")), name, markers
        )
    if "date" in kinds:
        return Unusable(f"dates among {' and '.join(sorted(kinds - {'date'}))}", len(cells))
    return texts([None if gone else cell for cell, gone in zip(cells, missing.tolist(), strict=True)], markers)


def texts(cells: Sequence[Any], markers: Markers) -> Text:
    """Declared text; None is missing."""
    index: dict[str, int] = {}
    codes = [-1 if cell is None else index.setdefault(category_name(cell), len(index)) for cell in cells]
    return Text.of(np.array(codes, np.int32), tuple(index), markers, typed=True)


def masked(what: str) -> DataError:
    """The error for masked arrays: their masks would be lost."""
    return DataError(
        f"{what} is a masked array, or holds some; fill the missing entries first, for example with .filled(float('nan'))"
    )


def is_missing(cell: Any) -> bool:
    """Whether a Python object stands for a missing cell."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(cell, (float, np.floating)):
        return bool(cell != cell)
    if isinstance(cell, Decimal):
        return cell.is_nan()
    return isinstance(cell, (np.datetime64, np.timedelta64)) and bool(np.isnat(cell))


def _kind(cell: Any) -> str:
    if isinstance(cell, (bool, np.bool_)):
        return "boolean"
    if isinstance(cell, np.timedelta64):  # NumPy counts it as an integer
        return "other"
    if isinstance(cell, (int, float, Decimal, np.integer, np.floating)):
        return "number"
    if isinstance(cell, str):
        return "text"
    return "date" if isinstance(cell, (date, np.datetime64)) else "other"


def _numbers(
    present: list[Any],
    missing: np.ndarray,
    spread: Callable[[np.ndarray, Any], np.ndarray],
    markers: Markers,
    measured: bool,
) -> Column:
    whole = [int(cell) for cell in present if _is_whole(cell)]
    if len(whole) < len(present):
        return floats(spread(np.array([*map(_float, present)]), np.nan), markers, measured)
    if all(-(2**63) <= number < 2**63 for number in whole):
        return integers(spread(np.array(whole, np.int64), 0), missing, markers, measured)
    index: dict[str, int] = {}
    codes = spread(np.array([index.setdefault(str(number), len(index)) for number in whole], np.int32), -1)
    return Text.of(codes, tuple(index), markers)


def _is_whole(cell: Any) -> bool:
    if isinstance(cell, Decimal):
        return cell.is_finite() and cell.adjusted() < 100 and cell == cell.to_integral_value()
    return isinstance(cell, (int, np.integer))


def _float(cell: Any) -> float:
    try:
        return float(cell)
    except OverflowError:  # an integer of hundreds of digits, read as it would be from text
        return math.inf if cell > 0 else -math.inf


def _moment(cell: Any) -> np.datetime64:
    """datetime64[us] in UTC."""
    if isinstance(cell, np.datetime64):
        return dates(np.array([cell]), "", Markers(())).values[0]
    moment: Any = cell
    if isinstance(cell, datetime):
        moment = cell.astimezone(UTC).replace(tzinfo=None) if cell.tzinfo is not None else cell
        year, month, day, hour, minute, second, *_ = moment.timetuple()
        moment = datetime(year, month, day, hour, minute, second, moment.microsecond)  # pandas' have nanoseconds too
    return np.datetime64(moment, "us")
