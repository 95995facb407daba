"""From training rows to a FittedPreprocessing: the kind of each column, its scaling, its categories."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from ..checks import COUNT, check, is_integer, one_of, or_none, refused
from ..data.frames import TableLike
from ..data.tables import Column, Dates, Table, Text, Unusable
from ..errors import ConfigurationError, DataError
from ..suggestions import did_you_mean
from . import cells
from .columns import CategoryColumn, FittedColumn, NumberColumn, Target
from .fitted import FittedPreprocessing, rows_of
from .kinds import Reader, usual_decimal
from .numerals import THOUSANDS, Numeral
from .scaling import BEND, SCALINGS, Affine, Scaling, standard
from .targets import TASKS, fit_target

TYPES = ("number", "category", "date", "ignore")
NEAR_UNIQUE = 0.5  # text with more than this share of different cells is left out, from 20 rows on
COVERED = 0.1  # and so is text whose most frequent categories are less than this share of its cells
DENSE = 4  # row numbers may span up to this many times the rows, where only some rows are for training
ROWS = 20  # columns of fewer rows say too little about themselves


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Options of preprocessing.

    scaling          of numbers: "standard", "robust", "quantile" or "none"; the first two clip smoothly, see `Affine`.  With "robust"
                     and "quantile" a cell may be of any size; with the others one that is out of all proportion is an error
    categorical      "onehot", or "embedding": codes for an Embedding layer
    types            by column name, where detection is wrong: "number", "category", "date" or "ignore"
    decimal          the decimal mark in text, "." or ","; None: found from the cells
    thousands        the mark between thousands in text, one of , . ' and a space, or "" for none; None: found from the cells
    date_format      of dates that are not found, for strptime, such as "%d.%m.%Y"; or a dict of formats by column name
    max_categories   per column; the most frequent ones are kept
    bad_rows         "error", or "skip" to fit without the rows that cannot be used; None: rows without a target are left out,
                     others are an error

    Raises ConfigurationError for anything else.
    """

    scaling: str = "standard"
    categorical: str = "onehot"
    types: Mapping[str, str] = field(default_factory=dict)
    decimal: str | None = None
    thousands: str | None = None
    date_format: str | Mapping[str, str] | None = None
    max_categories: int = 100
    bad_rows: str | None = None

    def __post_init__(self) -> None:
        check("", one_of(*SCALINGS), scaling=self.scaling)
        check("", one_of("onehot", "embedding"), categorical=self.categorical)
        check("", or_none(one_of(".", ",")), decimal=self.decimal)
        check("", or_none(one_of(*THOUSANDS)), thousands=self.thousands)
        check("", or_none(one_of("error", "skip")), bad_rows=self.bad_rows)
        if self.thousands and self.thousands == self.decimal:
            raise ConfigurationError(f"decimal and thousands are both {self.decimal!r}, expected two marks")
        if not _are_words(self.types):
            raise refused("", "types", self.types, 'a dict from column names to types, such as {"zip": "category"}')
        for name, kind in self.types.items():
            if kind not in TYPES:
                raise ConfigurationError(
                    f"types: column {name!r} is {kind!r}{did_you_mean(kind, TYPES)}, expected {one_of(*TYPES).expected}"
                )
        if not (self.date_format is None or isinstance(self.date_format, str) or _are_words(self.date_format)):
            raise refused(
                "", "date_format", self.date_format, 'a format such as "%d.%m.%Y", a dict of them by column, or None'
            )
        for form in self._forms().values():
            _check_form(form)
        check("", COUNT, max_categories=self.max_categories)

    def fit(
        self, data: TableLike, target: str | int | None = None, task: str | None = None, *, known: Target | None = None
    ) -> FittedPreprocessing:
        """Fit to training rows, a Table or anything that `dlcore.data.table` takes.

        target   the column to predict, by name or number; None for features alone
        task     "classification" or "regression"; None: chosen from the target
        known    the target fitted to more rows than these; it decides what the target is and how its cells are read

        Rows without a target are left out, with a warning.  Raises DataError, with the row, for cells that cannot be used
        (with bad_rows="skip" their rows are left out), and for a table without any usable column.
        """
        rows, wanted = self._checked(data, target, task)
        for name in self.types:
            rows.column(name)
        for column in self._forms():
            if column is not None:
                rows.column(column)
        if wanted is not None and self.bad_rows is None:
            rows = _with_a_target(rows, wanted)
        fitted = self._fit(rows, wanted, task, known)
        bad = fitted.problems(rows)
        if not bad:
            return fitted
        if self.bad_rows != "skip":
            fitted.refuse(rows, bad)
        if len(bad) == len(rows):
            row, why = next(iter(bad.items()))
            raise DataError(f"{rows.source}: none of the {len(rows)} rows can be used; {rows.where(row)}: {why}")
        return self._fit(rows.without(bad), wanted, task, known)

    def fit_target(self, data: TableLike, name: str | int, task: str | None = None) -> Target:
        """The target alone; see `fit`."""
        rows, wanted = self._checked(data, name, task)
        if wanted is None:
            raise refused("", "name", name, "a column")
        return self._target(rows, wanted, task, None, self._reader(rows))

    def _checked(self, data: TableLike, target: str | int | None, task: str | None) -> tuple[Table, str | None]:
        if task is not None:
            check("", one_of(*TASKS), task=task)
        rows = rows_of(data)
        if target is None:
            return rows, None
        if not isinstance(target, str) and not is_integer(target):
            raise refused("", "target", target, "the name or the number of a column")
        return rows, rows.name(str(target))

    def _fit(self, rows: Table, target: str | None, task: str | None, known: Target | None) -> FittedPreprocessing:
        if not len(rows):
            raise DataError(f"{rows.source} has no rows")
        reader = self._reader(rows)
        columns: list[FittedColumn] = []
        left_out: list[tuple[str, str]] = []
        for name, column in rows.columns.items():
            if name == target:
                continue
            indexed = name in rows.index and name not in self.types
            made = (
                f"is the index of a pandas frame; --types {name}=number keeps it"
                if indexed
                else self._column(name, column, reader)
            )
            if isinstance(made, str):
                left_out.append((name, made))
            else:
                columns.append(made)
        if not columns:
            reasons = "; ".join(f"{name} {why}" for name, why in left_out[:5])
            raise DataError(f"{rows.source}: no column is left to learn from{f' ({reasons})' if reasons else ''}")
        made_target = None if target is None else self._target(rows, target, task, known, reader)
        unnamed = [*rows.columns] == [f"column_{i + 1}" for i in range(len(rows.columns))]
        return FittedPreprocessing(tuple(columns), made_target, tuple(left_out), len(rows.columns) if unnamed else 0)

    def _forms(self) -> dict[str | None, str]:
        if self.date_format is None:
            return {}
        return {None: self.date_format} if isinstance(self.date_format, str) else dict(self.date_format.items())

    def _reader(self, rows: Table) -> Reader:
        reader = Reader(self.decimal, self.thousands, self._forms())
        return reader if self.decimal else replace(reader, usual=usual_decimal(rows, reader))

    def _target(self, rows: Table, name: str, task: str | None, known: Target | None, reader: Reader) -> Target:
        """Its type, if one is given, is the task."""
        kind = self.types.get(name)
        given = {"number": "regression", "category": "classification", None: task}.get(kind, "")
        if not given and kind is not None:
            raise ConfigurationError(
                f"types: {name!r} is the target and cannot be {kind!r}; number and category are possible"
            )
        if task is not None and given != task:
            raise ConfigurationError(f"types: the target {name!r} is a {kind}, and task is {task}; give one of them")
        return fit_target(rows, name, reader, given, known)

    # -- a column ------------------------------------------------------------------------------------------------------

    def _column(self, name: str, column: Column, reader: Reader) -> FittedColumn | str:
        """The fitted column, or why it is left out."""
        given = self.types.get(name)
        if given == "ignore":
            return "is not wanted"
        if isinstance(column, Unusable):
            raise DataError(f"column {name!r} holds {column.kind}, which no network takes; give it the type ignore")
        if column.missing().all():
            return "has no cells in the training rows"
        if given is None and isinstance(column, Text):
            found = reader.read(name, column)
            if found.kind != "category":
                if found.detail:
                    warnings.warn(f"column {name!r}: {found.detail}", stacklevel=2)
                return self._number(name, column, found.kind == "date", found.numeral, found.form)
            made = self._category(name, column, False)
            if found.detail:
                what = "left out" if isinstance(made, str) else "taken for categories"
                warnings.warn(f"column {name!r} is {what}: {found.detail}", stacklevel=2)
            return made
        kind = given or ("date" if isinstance(column, Dates) else "number")
        if kind == "category":
            return self._category(name, column, True)
        form = reader.form(name, column) if kind == "date" else None
        return self._number(name, column, kind == "date", reader.numeral(column), form)

    def _number(self, name: str, column: Column, date: bool, numeral: Numeral, form: str | None) -> NumberColumn | str:
        read = NumberColumn(name, Affine(0, 1), 0, False, 0, 1, date, form if date else None, numeral)
        flagged = bool(column.missing().any())
        cell = read.read(column)
        cell = cell[np.isfinite(cell)]
        if not len(cell):
            return f"has no {'dates' if date else 'numbers'} in the training rows"
        tail = 0.05 if len(cell) >= 40 else 0.25  # with few rows, a single outlier would move the 5 % quantiles
        if not date and _counts_rows(cell):
            warnings.warn(
                f"column {name!r} numbers the rows, so a network may learn their order; --types {name}=ignore leaves it out",
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
        if isinstance(scaling, Affine) and self.scaling != "none":
            scaling = replace(scaling, bend=BEND)
        merged = 0 if date else _merged_in_float32(cell, scaling)
        if merged:
            warnings.warn(
                f"column {name!r}: of its {len(np.unique(cell)):,} different integers, {merged:,} are different inputs in float32; "
                f"if they are names of something, give --types {name}=category or ignore",
                stacklevel=2,
            )
        return replace(
            read,
            any_size=self.scaling in ("quantile", "robust"),
            scaling=scaling,
            fill=middle,
            flagged=flagged,
            middle=middle,
            width=width,
        )

    def _category(self, name: str, column: Column, declared: bool) -> CategoryColumn | str:
        text = cells.categories(column, name)
        found = cells.counted(text if declared and isinstance(column, Text) else cells.merged(text))
        missing, total = bool(column.missing().any()), sum(found.values())
        if len(found) + missing < 2:
            return f"is {next(iter(found))!r} in all training rows"
        if not declared and total >= ROWS and len(found) > NEAR_UNIQUE * total:
            return f"has {len(found):,} different texts in {total:,} cells; --types {name}=category keeps the most frequent"
        kept, cut = list(found), len(found) > self.max_categories
        if cut:
            kept = [category for category in found if found[category] > 1][: self.max_categories]
            if not kept:
                return f"has {len(found)} different cells, and none of them twice"
            share = sum(found[category] for category in kept) / total
            if not declared and share < COVERED:
                return (
                    f"has {len(found):,} different texts, and the {len(kept)} most frequent are {share:.1%} of its cells; "
                    f"--types {name}=category keeps these"
                )
            warnings.warn(
                f"column {name!r} has {len(found)} categories; the {len(kept)} most frequent are kept, {share:.0%} of its cells",
                stacklevel=2,
            )
        slots = len(kept) + missing
        dimension = min(8, (slots + 1) // 2) if self.categorical == "embedding" else 0
        return CategoryColumn(name, tuple(cells.in_order(kept)), missing, dimension, cut)


def key_of(column: Column, cell: np.ndarray) -> str:
    """The value of a constant column, as the user wrote it."""
    if isinstance(column, Text):
        return repr(next(iter(cells.counted(column))))
    return f"{cell[0]:g}"


def _with_a_target(rows: Table, target: str) -> Table:
    """The rows that have a target; a warning counts the others."""
    missing = rows.column(target).missing()
    if not missing.any() or missing.all():
        return rows
    count = int(missing.sum())
    warnings.warn(
        f"{count:,} of {len(rows):,} rows have no target {target!r} and are left out; bad_rows='error' makes that an error",
        stacklevel=3,
    )
    return rows.without({int(row): f"the target {target!r} is missing" for row in np.flatnonzero(missing)})


def _are_words(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(word, str) for pair in value.items() for word in pair)


def _check_form(form: str) -> None:
    """Raise ConfigurationError for a format that strptime does not know, or that has no day."""
    try:
        datetime.strptime(datetime(2024, 12, 31).strftime(form), form)
    except (ValueError, re.error) as error:
        raise ConfigurationError(f"date_format={form!r} is not a format of strptime: {error}") from None
    if "%" not in form:
        raise ConfigurationError(f"date_format={form!r} has no day; a format is like %d.%m.%Y")


def _merged_in_float32(values: np.ndarray, scaling: Scaling) -> int:
    """The number of different float32 inputs that these integers become, if a tenth of them is lost; otherwise 0.

    float32 holds 24 bits: of larger integers, scaled or not, it merges those that lie close beside each other.
    """
    if not cells.are_integers(values) or np.abs(values).max() < 2**24:
        return 0
    distinct = np.unique(values)
    kept = len(np.unique(scaling(distinct).astype(np.float32)))
    return kept if kept < 0.9 * len(distinct) else 0


def _counts_rows(values: np.ndarray) -> bool:
    """Whether these integers number the rows, in any order, with gaps where other rows were set aside.

    They are all different and lie so densely that integers drawn at random would hardly be: the chance is below e^-5.
    """
    n = len(values)
    if n < ROWS or not cells.are_integers(values):
        return False
    span = float(values.max() - values.min()) + 1
    return span <= DENSE * n and n * n > 10 * span and len(np.unique(values)) == n
