"""From training rows to a FittedPreprocessing: the kind of each column, its scaling, its categories."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..checks import COUNT, check, one_of
from ..data.frames import TableLike, table
from ..data.tables import Column, Dates, Numbers, Table, Text, Unusable
from ..errors import ConfigurationError, DataError
from ..suggestions import did_you_mean
from . import cells
from .columns import CategoryColumn, Classes, FittedColumn, NumberColumn, Target, Values, counted, is_measured
from .fitted import FittedPreprocessing
from .scaling import SCALINGS, Affine, Scaling, standard

_THOUSANDS = re.compile(r"[+-]?(0|[1-9]\d{0,2}([.,]\d{3})?)", re.ASCII)  # 1,234 with a thousands separator, or 0 to 999

TYPES = ("number", "category", "date", "ignore")
TASKS = ("classification", "regression")
MOSTLY = 0.9  # a column with this share of numbers is a column of numbers, and its other cells are mistakes
FEW = 10  # at most this many distinct integers, with ten rows for each, are taken for categories
CLASSES = 20  # at most this many distinct integers of a target, with five rows for each, are taken for classes


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Options of preprocessing.

    scaling          of numbers: "standard", "robust", "quantile" or "none"
    categorical      "onehot", or "embedding": codes for an Embedding layer
    types            by column name, where detection is wrong: "number", "category", "date" or "ignore"
    decimal          the decimal mark in text, "." or ","
    date_format      of dates that are not ISO 8601, for strptime, such as "%d.%m.%Y"
    max_categories   per column; the most frequent ones are kept
    bad_rows         "error", or "skip" to fit without the rows that cannot be used

    Raises ConfigurationError for anything else.
    """

    scaling: str = "standard"
    categorical: str = "onehot"
    types: Mapping[str, str] = field(default_factory=dict)
    decimal: str = "."
    date_format: str | None = None
    max_categories: int = 100
    bad_rows: str = "error"

    def __post_init__(self) -> None:
        check("", one_of(*SCALINGS), scaling=self.scaling)
        check("", one_of("onehot", "embedding"), categorical=self.categorical)
        check("", one_of(".", ","), decimal=self.decimal)
        check("", one_of("error", "skip"), bad_rows=self.bad_rows)
        for name, kind in self.types.items():
            if kind not in TYPES:
                raise ConfigurationError(
                    f"types: column {name!r} is {kind!r}{did_you_mean(str(kind), TYPES)}, expected {one_of(*TYPES).expected}"
                )
        check("", COUNT, max_categories=self.max_categories)

    def fit(self, data: TableLike, target: str | None = None, task: str | None = None) -> FittedPreprocessing:
        """Fit to training rows, a Table or anything that `dlcore.data.table` takes.

        target   the column to predict, by name or number; None for features alone
        task     "classification" or "regression"; None: chosen from the target

        Raises DataError, with the row, for cells that cannot be used (with bad_rows="skip" their rows are left out), and for a
        table without any usable column.
        """
        rows = table(data)
        wanted = rows.name(target) if target is not None else None
        for name in self.types:
            rows.column(name)
            if name == wanted:
                raise ConfigurationError(f"types: {name!r} is the target; say what it is by task")
        fitted = self._fit(rows, wanted, task)
        bad = fitted.problems(rows)
        if not bad:
            return fitted
        if self.bad_rows == "error":
            fitted.refuse(rows, bad)
        if len(bad) == len(rows):
            row, why = next(iter(bad.items()))
            raise DataError(f"{rows.source}: none of the {len(rows)} rows can be used; {rows.where(row)}: {why}")
        return self._fit(rows.without(bad), wanted, task)

    def _fit(self, rows: Table, target: str | None, task: str | None) -> FittedPreprocessing:
        if not len(rows):
            raise DataError(f"{rows.source} has no rows")
        columns: list[FittedColumn] = []
        left_out: list[tuple[str, str]] = []
        for name, column in rows.columns.items():
            if name == target:
                continue
            made = self._column(name, column)
            if isinstance(made, str):
                left_out.append((name, made))
            else:
                columns.append(made)
        if not columns:
            reasons = "; ".join(f"{name} {why}" for name, why in left_out[:5])
            raise DataError(f"{rows.source}: no column is left to learn from{f' ({reasons})' if reasons else ''}")
        made_target = None if target is None else self.fit_target(rows, target, task)
        return FittedPreprocessing(tuple(columns), made_target, tuple(left_out))

    # -- a column ------------------------------------------------------------------------------------------------------

    def _column(self, name: str, column: Column) -> FittedColumn | str:
        """The fitted column, or why it is left out."""
        kind = self.types.get(name) or self._kind(name, column)
        if kind == "ignore":
            return "is not wanted"
        if column.missing().all():
            return "has no cells in the training rows"
        if kind == "category":
            return self._category(name, column)
        return self._number(name, column, kind == "date")

    def _kind(self, name: str, column: Column) -> str:
        if isinstance(column, Unusable):
            raise DataError(f"column {name!r} holds {column.kind}, which no network takes; give it the type ignore")
        if isinstance(column, Dates):
            return "date"
        if isinstance(column, Text):
            return "category" if column.typed else self._kind_of_text(name, column)
        return "category" if not is_measured(column) and _are_few(column.values) else "number"

    def _kind_of_text(self, name: str, column: Text) -> str:
        counts = column.counts()
        total = max(1, int(counts.sum()))

        def share(values: np.ndarray) -> float:
            return float(counts[~np.isnan(values)].sum()) / total

        numbers = cells.values_as_numbers(column, self.decimal)
        if share(numbers) >= MOSTLY:
            return (
                "category" if share(numbers) == 1 and _are_few(numbers[column.codes[column.codes >= 0]]) else "number"
            )
        if share(cells.values_as_days(column, self.date_format)) >= MOSTLY:
            return "date"
        other = _numbers_with_the_other_mark(column, self.decimal)
        if other:
            warnings.warn(f"column {name!r} is taken for categories; its cells are numbers with {other}", stacklevel=2)
        return "category"

    def _number(self, name: str, column: Column, date: bool) -> NumberColumn | str:
        def made(scaling: Scaling, fill: float, flagged: bool, middle: float, width: float) -> NumberColumn:
            return NumberColumn(
                name, scaling, fill, flagged, middle, width, date, self.decimal, self.date_format if date else None
            )  # fmt: skip

        flagged = bool(column.missing().any())
        cell = made(Affine(0, 1), 0, flagged, 0, 1).read(column)
        cell = cell[np.isfinite(cell)]
        if not len(cell):
            return f"has no {'dates' if date else 'numbers'} in the training rows"
        tail = 0.05 if len(cell) >= 40 else 0.25  # with few rows, a single outlier would move the 5 % quantiles
        if not date and _counts_rows(cell):
            warnings.warn(
                f"column {name!r} counts the rows, so a network may learn their order; --types {name}=ignore leaves it out",
                stacklevel=2,
            )
        low, middle, high = (float(q) for q in np.quantile(cell, [tail, 0.5, 1 - tail]))
        width = high - low or standard(cell).scale
        scaling = SCALINGS[self.scaling](cell)
        scale = scaling.scale if isinstance(scaling, Affine) else width
        if not (0 < width < np.inf and 0 < scale < np.inf):
            what = (
                f"is {key_of(column, cell)} in all training rows" if cell.min() == cell.max() else "varies too little"
            )
            return what if not flagged else f"{what} that have it"
        return made(scaling, middle, flagged, middle, width)

    def _category(self, name: str, column: Column) -> CategoryColumn | str:
        numeric = isinstance(column, Numbers) or (
            isinstance(column, Text) and not column.typed and name not in self.types
            and not np.isnan(cells.numbers(column, name, self.decimal)[~column.missing()]).any()
        )  # fmt: skip
        text = cells.keys(column, name, numeric, self.decimal)
        found = counted(text)
        missing = bool(column.missing().any())
        if len(found) + missing < 2:
            return f"is {next(iter(found))!r} in all training rows"
        kept = list(found)
        if len(found) > self.max_categories:
            kept = [category for category in found if found[category] > 1][: self.max_categories]
            if not kept:
                return f"has {len(found)} different cells, and none of them twice"
            warnings.warn(
                f"column {name!r} has {len(found)} categories; the {len(kept)} most frequent are kept, "
                f"{sum(found[category] for category in kept) / sum(found.values()):.0%} of its cells",
                stacklevel=2,
            )
        kept.sort(key=(lambda value: (cells.number(value), value)) if numeric else None)
        slots = len(kept) + missing
        dimension = min(8, (slots + 1) // 2) if self.categorical == "embedding" else 0
        return CategoryColumn(name, tuple(kept), missing, numeric, dimension, self.decimal)

    # -- the target ----------------------------------------------------------------------------------------------------

    def fit_target(self, rows: Table, name: str, task: str | None = None) -> Target:
        """The target alone; see `fit`."""
        if task is not None:
            check("", one_of(*TASKS), task=task)
        column = rows.column(name)
        if column.missing().all():
            raise DataError(f"{rows.source}: the target {name!r} has no cells")
        if isinstance(column, Dates | Unusable):
            kind = column.kind if isinstance(column, Unusable) else "dates"
            raise DataError(f"{rows.source}: the target {name!r} holds {kind}, expected numbers or classes")
        values = cells.numbers(column, name, self.decimal)
        numeric = not np.isnan(values[~column.missing()]).any() and not (isinstance(column, Text) and column.typed)
        present = values[np.isfinite(values)]
        if task is None:
            mostly = len(present) >= MOSTLY * int((~column.missing()).sum()) and not (
                isinstance(column, Text) and column.typed
            )
            task = "classification" if not mostly or _are_classes(present) else "regression"
        if task == "classification":
            labels = counted(cells.keys(column, name, numeric, self.decimal))
            if len(labels) < 2:
                raise DataError(f"{rows.source}: the target {name!r} is {next(iter(labels))!r} in all training rows")
            if len(labels) > max(CLASSES, len(rows) // 2):
                other = _numbers_with_the_other_mark(column, self.decimal)
                raise DataError(
                    f"{rows.source}: the target {name!r} has {len(labels)} classes in {len(rows)} rows; if it is a number, "
                    f"look for cells that are none{f', or give {other}' if other else ''}"
                )
            order = sorted(labels, key=(lambda value: (cells.number(value), value)) if numeric else None)
            return Classes(name, tuple(order), numeric, self.decimal)
        if not len(present):
            raise DataError(f"{rows.source}: the target {name!r} holds no numbers; is this a classification?")
        scaling = standard(present)
        if not 0 < scaling.scale < np.inf:
            raise DataError(f"{rows.source}: the target {name!r} is {present[0]:g} in all training rows")
        return Values(name, scaling.center, scaling.scale, self.decimal)


def key_of(column: Column, cell: np.ndarray) -> str:
    """The value of a constant column, as the user wrote it."""
    if isinstance(column, Text):
        return repr(next(iter(counted(column))))
    return f"{cell[0]:g}"


def _are_integers(values: np.ndarray) -> bool:
    return bool(len(values)) and bool((values == np.floor(values)).all()) and bool((np.abs(values) < 2**53).all())


def _numbers_with_the_other_mark(column: Column, decimal: str) -> str:
    """The flag for the other decimal mark, if most cells are numbers with it; else ""."""
    other = "." if decimal == "," else ","
    if not isinstance(column, Text):
        return ""
    counts = column.counts()
    numbers = ~np.isnan(cells.values_as_numbers(column, other))
    if not len(counts) or counts[numbers].sum() < MOSTLY * counts.sum():
        return ""
    apart = all(_THOUSANDS.fullmatch(column.values[i]) for i in np.flatnonzero(numbers))
    return f"--decimal {other}" + (
        f" (if it does not set thousands apart: 1{other}234 would be 1.234)" if apart else ""
    )


def _counts_rows(values: np.ndarray) -> bool:
    """Whether these are row numbers, possibly with gaps where test or validation rows were set aside."""
    if len(values) < 20 or not _are_integers(values):
        return False
    step = np.diff(values)
    return bool((step > 0).all() and step.mean() < 2)


def _are_few(values: np.ndarray) -> bool:
    """Whether these numbers are codes of few categories."""
    values = values[~np.isnan(values)]
    return _are_integers(values) and len(np.unique(values)) <= min(FEW, len(values) // 10)


def _are_classes(values: np.ndarray) -> bool:
    """Whether these targets are classes: few integers."""
    return _are_integers(values) and len(np.unique(values)) <= min(CLASSES, max(2, len(values) // 5))
