"""From the target of training rows to Classes or Values: which of them it is, its labels, its scale."""

from __future__ import annotations

import warnings

import numpy as np

from ..data.tables import Column, Dates, Table, Text, Unusable
from ..errors import DataError
from . import cells
from .columns import Classes, Target, Values
from .kinds import Reader, Reading
from .scaling import standard

TASKS = ("classification", "regression")
CLASSES = 20  # at most this many distinct integers of a target, with five rows for each, are taken for classes
_EACH = 5


def fit_target(rows: Table, name: str, reader: Reader, task: str | None, known: Target | None = None) -> Target:
    """The target of these rows.

    task    "classification" or "regression"; None: chosen from the cells
    known   the target of more rows than these, which decides the task and how numbers are read

    A target whose cells look like numbers or dates, but cannot be read as numbers, becomes classes only if these are few, with a
    warning; otherwise it is a DataError, which says what the cells are and which flag mends it.
    """
    column, what = rows.column(name), f"{rows.source}: the target {name!r}"
    if column.missing().all():
        raise DataError(f"{what} has no cells")
    if isinstance(column, Dates | Unusable):
        kind = column.kind if isinstance(column, Unusable) else "dates"
        raise DataError(f"{what} holds {kind}, expected numbers or classes")
    if known is not None:
        task = "classification" if isinstance(known, Classes) else "regression"
    if task is None:
        task = _task(what, name, column, reader)
    if task == "classification":
        return _classes(what, name, column, len(rows))
    numeral = known.numeral if isinstance(known, Values) else reader.numeral(column)
    values = cells.numbers(column, name, numeral)
    present = values[np.isfinite(values)]
    if not len(present):
        raise DataError(f"{what} holds no numbers; is this a classification?")
    scaling = standard(present)
    if not 0 < scaling.scale < np.inf:
        raise DataError(f"{what} is {present[0]:g} in all training rows")
    return Values(name, scaling.center, scaling.scale, numeral)


def _classes(what: str, name: str, column: Column, rows: int) -> Classes:
    labels = cells.counted(cells.merged(cells.categories(column, name)))
    if len(labels) < 2:
        raise DataError(f"{what} is {next(iter(labels))!r} in all training rows")
    if len(labels) > max(CLASSES, rows // 2):
        raise DataError(
            f"{what} has {len(labels)} classes in {rows} rows; if it is a number, look for cells that are none, or give "
            "--task regression"
        )
    return Classes(name, tuple(cells.in_order([*labels])))


def _task(what: str, name: str, column: Column, reader: Reader) -> str:
    """What the cells ask for."""
    found = reader.read(name, column) if isinstance(column, Text) else Reading("number")
    if found.kind == "number":
        values = cells.numbers(column, name, found.numeral)
        written = found.numeral.unit or found.numeral.thousands
        if not written and _are_classes(values[np.isfinite(values)]):
            return "classification"
        if found.detail:
            warnings.warn(f"column {name!r}: {found.detail}", stacklevel=4)
        return "regression"
    present = len(column) - int(column.missing().sum())
    labels = len(cells.counted(cells.categories(column, name)))
    few = labels <= min(CLASSES, max(2, present // _EACH))
    if found.kind == "date" and not few:
        first = next(iter(cells.counted(cells.categories(column, name))))
        raise DataError(
            f"{what} holds dates ({first}), expected numbers or classes; --task classification takes them for classes"
        )
    if found.like and found.detail:
        if not few:
            raise DataError(
                f"{what} looks like a {found.like}: {found.detail}; or --task classification takes them for classes"
            )
        warnings.warn(f"column {name!r} is taken for {labels} classes: {found.detail}", stacklevel=4)
    return "classification"


def _are_classes(values: np.ndarray) -> bool:
    """Whether these targets are classes: few integers."""
    return cells.are_integers(values) and len(np.unique(values)) <= min(CLASSES, max(2, len(values) // _EACH))
