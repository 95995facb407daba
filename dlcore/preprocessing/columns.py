"""Columns of a table, fitted to training rows: frozen descriptions that encode raw cells and report those they cannot encode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..arrays import ArrayLike, to_host
from ..data.tables import Column, Table, Text
from . import cells
from .numerals import PLAIN, Numeral
from .scaling import Affine, Scaling

FAR = 1e6  # a cell more than this many widths from the median is an error

RARE = 20  # up to this many cells may all be unknown, where training dropped rare categories
_OFFER = "; if it is right, --scaling quantile or robust takes cells of any size"

LARGEST = float(np.finfo(np.float32).max)
MAX = float(np.finfo(np.float64).max)

Problem = tuple[int, str]  # row, why it cannot be used


@dataclass(frozen=True)
class NumberColumn:
    """Scaled numbers, or dates as days; a missing cell becomes `fill`, and a second column flags it if training rows had some.

    middle, width   median, and range of the middle 90 % of the training rows (50 % if they are few)
    date, form      whether cells are dates, and their format for strptime, None for ISO 8601
    numeral         how numbers are written in text
    any_size        a finite cell is taken however far it is from the others
    """

    name: str
    scaling: Scaling
    fill: float
    flagged: bool
    middle: float
    width: float
    date: bool = False
    form: str | None = None
    numeral: Numeral = PLAIN
    any_size: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name, f"{self.name} is missing") if self.flagged else (self.name,)

    @property
    def how(self) -> str:
        """The name, and how cells are read where it is not the usual way."""
        words = (self.form or "") if self.date else self.numeral.words
        return f"{self.name} ({words})" if words else self.name

    def read(self, column: Column) -> np.ndarray:
        """Raw numbers, or days; NaN where a cell is missing or unreadable."""
        if self.date:
            return cells.dates(column, self.name, self.form)
        return cells.numbers(column, self.name, self.numeral)

    def encode(self, column: Column) -> np.ndarray:
        """(n, 1), or (n, 2) with the flag."""
        values = self.read(column)
        missing = np.isnan(values)
        scaled = self.scaling(np.where(missing, self.fill, values))
        return np.stack([scaled, missing], axis=1) if self.flagged else scaled[:, None]

    def problems(self, table: Table) -> Iterator[Problem]:
        column = table.column(self.name)
        values = self.read(column)
        low, high = self._bounds()
        if ((values >= low) & (values <= high)).all():
            return  # nearly always, and in a third of the time
        what = "date" if self.date else "number"
        for row in np.flatnonzero(np.isnan(values) & ~column.missing()).tolist():
            yield (
                row,
                f"column {self.name!r}: {column.cell(row)!r} is not a {what}, as the others are{_marker(column, row)}",
            )
        for row in np.flatnonzero((values < low) | (values > high)).tolist():
            why = (
                "is infinite"
                if np.isinf(values[row])
                else f"is out of all proportion (others are about {self.middle:g}){_OFFER}"
            )
            yield row, f"column {self.name!r}: {column.cell(row)} {why}"

    def _bounds(self) -> tuple[float, float]:
        """The smallest and the largest cell that can be used: not out of all proportion, and finite in float32 when scaled."""
        low, high = (-MAX, MAX) if self.any_size else (self.middle - FAR * self.width, self.middle + FAR * self.width)
        if isinstance(self.scaling, Affine) and not self.scaling.bend:
            reach = LARGEST * self.scaling.scale
            low, high = max(low, self.scaling.center - reach), min(high, self.scaling.center + reach)
        return max(low, -MAX), min(high, MAX)

    def notes(self, column: Column) -> Iterator[str]:
        count = int(np.isnan(self.read(column)).sum())
        if count and not self.flagged:
            yield f"column {self.name!r}: {count:,} missing, and none in training; taken for {self.fill:g}"


@dataclass(frozen=True)
class CategoryColumn:
    """Categories: one-hot columns, or one column of codes for an Embedding layer.

    A category that training rows did not have, or too rarely to be kept, is all zeros, or code 0.  Missing cells are a
    separate category if training rows had some.

    dimension   of the embedding; 0 for one-hot columns
    cut         training rows had more categories than were kept
    """

    name: str
    categories: tuple[str, ...]
    missing: bool
    dimension: int = 0
    cut: bool = False

    @property
    def slots(self) -> int:
        return len(self.categories) + self.missing

    @property
    def outputs(self) -> tuple[str, ...]:
        if self.dimension:
            return (f"{self.name} (code)",)
        names = [f"{self.name} = {category}" for category in self.categories]
        return (*names, f"{self.name} is missing") if self.missing else tuple(names)

    @property
    def how(self) -> str:
        """The name, and the number of categories."""
        return f"{self.name} ({self.slots})"

    def codes(self, column: Column) -> np.ndarray:
        """The slot of each row, −1 for an unknown category."""
        text = cells.categories(column, self.name)
        slots = cells.places(self.categories, text.values)
        codes: np.ndarray = np.array([*slots, len(self.categories) if self.missing else -1])[text.codes]
        return codes

    def encode(self, column: Column) -> np.ndarray:
        """(n, slots) one-hot, or (n, 1) codes from 1 to slots, and 0 for unknown."""
        codes = self.codes(column)
        if self.dimension:
            return (codes + 1).astype(np.float64).reshape(-1, 1)
        one_hot: np.ndarray = (codes[:, None] == np.arange(self.slots)).astype(np.float64)
        return one_hot

    def problems(self, table: Table) -> Iterator[Problem]:
        yield from ()

    def unknown(self, column: Column) -> str:
        """Why none of these cells can be what training rows had; "" if some can.

        A single cell, or few where training rows had rare categories too, may well be new.
        """
        there = ~column.missing()
        few = 1 if not self.cut else RARE
        if int(there.sum()) <= few or (self.codes(column)[there] >= 0).any():
            return ""
        shown = _shown(dict.fromkeys(column.cell(row) for row in np.flatnonzero(there).tolist()))
        return (
            f"column {self.name!r}: none of its cells ({shown}) is a category of training ({_shown(self.categories)})"
        )

    def notes(self, column: Column) -> Iterator[str]:
        unknown = self.codes(column) < 0
        gone = unknown & column.missing()
        if gone.any():
            yield f"column {self.name!r}: {int(gone.sum()):,} missing, and none in training"
        new = np.flatnonzero(unknown & ~gone).tolist()
        if new:
            shown = _shown(dict.fromkeys(column.cell(row) for row in new))
            yield f"column {self.name!r}: {len(new):,} of no category of training ({shown})"


FittedColumn = NumberColumn | CategoryColumn


@dataclass(frozen=True)
class Classes:
    """A target of classes: the index of a row's label.  Labels are as training rows spelled them.

    A label with a full stop at its end counts as the label without it, unless both occur: UCI's test files have such labels.
    """

    name: str
    labels: tuple[str, ...]

    def _codes(self, column: Column, values: Callable[[str], str]) -> np.ndarray:
        text = cells.categories(column, self.name)
        places = cells.places(self.labels, [*map(values, text.values)])
        codes: np.ndarray = np.array([*places, -1], np.int64)[text.codes]
        return codes

    def encode(self, column: Column) -> np.ndarray:
        """Indices (n,) of labels, −1 where a cell is missing or is not one of them."""
        exact = self._codes(column, str)
        return np.where(exact < 0, self._codes(column, lambda value: value.removesuffix(".")), exact)

    def problems(self, table: Table) -> Iterator[Problem]:
        column = table.column(self.name)
        for row in np.flatnonzero(self.encode(column) < 0).tolist():
            if column.missing()[row]:
                yield row, _no_target(self.name)
            else:
                shown = ", ".join(self.labels[:10]) + (", ..." if len(self.labels) > 10 else "")
                yield (
                    int(row),
                    f"column {self.name!r}: {column.cell(row)!r} is none of the classes of training: {shown}",
                )

    def notes(self, column: Column) -> Iterator[str]:
        count = int(((self._codes(column, str) < 0) & (self.encode(column) >= 0)).sum())
        if count:
            yield f"column {self.name!r}: a full stop was taken off {count:,} labels"


@dataclass(frozen=True)
class Values:
    """A target of numbers: (y − center) / scale for the network, and back."""

    name: str
    center: float
    scale: float
    numeral: Numeral = PLAIN

    def read(self, column: Column) -> np.ndarray:
        """The target in its own units, float64 (n,); NaN where it is missing."""
        return cells.numbers(column, self.name, self.numeral)

    def encode(self, column: Column) -> np.ndarray:
        return (self.read(column) - self.center) / self.scale

    def restore(self, a: ArrayLike) -> np.ndarray:
        """Outputs of the network in units of the target."""
        return to_host(a).astype(np.float64) * self.scale + self.center

    def notes(self, column: Column) -> Iterator[str]:
        yield from ()

    def problems(self, table: Table) -> Iterator[Problem]:
        column = table.column(self.name)
        values = self.read(column)
        for row in np.flatnonzero(~np.isfinite(values)).tolist():
            if column.missing()[row]:
                yield row, _no_target(self.name)
            else:
                yield row, f"column {self.name!r}: {column.cell(row)!r} is not a finite number{_marker(column, row)}"


Target = Classes | Values


def _shown(names: Iterable[str | float | None]) -> str:
    first = [*islice(names, 4)]
    return ", ".join(map(repr, first[:3])) + (", ..." if len(first) > 3 else "")


def _marker(column: Column, row: int) -> str:
    """The flag for a word that stands in several cells."""
    if isinstance(column, Text) and column.counts()[column.codes[row]] > 1:
        return f" (if it stands for a missing cell: --missing {column.cell(row)})"
    return ""


def _no_target(name: str) -> str:
    return f"the target {name!r} is missing"
