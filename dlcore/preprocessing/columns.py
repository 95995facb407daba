"""Columns of a table, fitted to training rows: frozen descriptions that encode raw cells and report those they cannot encode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import ArrayLike, to_host
from ..data.tables import Column, Numbers, Table, Text
from . import cells
from .scaling import Scaling

FAR = 1e6  # a cell more than this many widths from the median is an error

LARGEST = float(np.finfo(np.float32).max)

Problem = tuple[int, str]  # row, why it cannot be used


@dataclass(frozen=True)
class NumberColumn:
    """Scaled numbers, or dates as days; a missing cell becomes `fill`, and a second column flags it if training rows had some.

    form            format of dates for strptime, or None for ISO 8601
    middle, width   median, and range of the middle 90 % of the training rows (50 % if they are few)
    """

    name: str
    scaling: Scaling
    fill: float
    flagged: bool
    middle: float
    width: float
    date: bool = False
    decimal: str = "."
    form: str | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name, f"{self.name} is missing") if self.flagged else (self.name,)

    def read(self, column: Column) -> np.ndarray:
        """Raw numbers, or days; NaN where a cell is missing or unreadable."""
        if self.date:
            return cells.dates(column, self.name, self.form)
        return cells.numbers(column, self.name, self.decimal)

    def encode(self, column: Column) -> np.ndarray:
        """(n, 1), or (n, 2) with the flag."""
        values = self.read(column)
        missing = np.isnan(values)
        scaled = self.scaling(np.where(missing, self.fill, values))
        return np.stack([scaled, missing], axis=1) if self.flagged else scaled[:, None]

    def problems(self, table: Table) -> Iterator[Problem]:
        column = table.column(self.name)
        values = self.read(column)
        what = "date" if self.date else "number"
        for row in np.flatnonzero(np.isnan(values) & ~column.missing()).tolist():
            yield row, f"column {self.name!r}: {column.cell(row)!r} is not a {what}, as the others are"
        with np.errstate(invalid="ignore", over="ignore"):
            fits = np.abs(self.scaling(values)) <= LARGEST  # can fail only without scaling
            far = ~np.isnan(values) & ~((np.abs(values - self.middle) <= FAR * self.width) & fits)
        for row in np.flatnonzero(far).tolist():
            why = (
                "is infinite"
                if np.isinf(values[row])
                else f"is out of all proportion (others are about {self.middle:g})"
            )
            yield row, f"column {self.name!r}: {column.cell(row)} {why}"

    def notes(self, column: Column) -> Iterator[str]:
        count = int(np.isnan(self.read(column)).sum())
        if count and not self.flagged:
            yield f"column {self.name!r}: {count:,} missing, and none in training; taken for {self.fill:g}"


@dataclass(frozen=True)
class CategoryColumn:
    """Categories: one-hot columns, or one column of codes for an Embedding layer.

    A category that training rows did not have, or too rarely to be kept, is all zeros, or code 0.  Missing cells are a
    separate category if training rows had some.

    numeric     categories are numbers, so that 1.0 is 1
    dimension   of the embedding; 0 for one-hot columns
    """

    name: str
    categories: tuple[str, ...]
    missing: bool
    numeric: bool = False
    dimension: int = 0
    decimal: str = "."

    @property
    def slots(self) -> int:
        return len(self.categories) + self.missing

    @property
    def outputs(self) -> tuple[str, ...]:
        if self.dimension:
            return (f"{self.name} (code)",)
        names = [f"{self.name} = {category}" for category in self.categories]
        return (*names, f"{self.name} is missing") if self.missing else tuple(names)

    def codes(self, column: Column) -> np.ndarray:
        """The slot of each row, −1 for an unknown category."""
        text = cells.keys(column, self.name, self.numeric, self.decimal)
        slots = _indices(self.categories, text.values)
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

    def notes(self, column: Column) -> Iterator[str]:
        unknown = self.codes(column) < 0
        gone = unknown & column.missing()
        if gone.any():
            yield f"column {self.name!r}: {int(gone.sum()):,} missing, and none in training"
        new = np.flatnonzero(unknown & ~gone).tolist()
        if new:
            shown = ", ".join(repr(cell) for cell in list(dict.fromkeys(column.cell(row) for row in new))[:3])
            yield f"column {self.name!r}: {len(new):,} of no category of training ({shown})"


FittedColumn = NumberColumn | CategoryColumn


@dataclass(frozen=True)
class Classes:
    """A target of classes: the index of a row's label.

    A label with a full stop at its end counts as the label without it, unless both occur: UCI's test files have such labels.
    """

    name: str
    labels: tuple[str, ...]
    numeric: bool = False
    decimal: str = "."

    def _codes(self, column: Column, values: Callable[[str], str]) -> np.ndarray:
        text = cells.keys(column, self.name, self.numeric, self.decimal)
        codes: np.ndarray = np.array([*_indices(self.labels, map(values, text.values)), -1], np.int64)[text.codes]
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
    decimal: str = "."

    def read(self, column: Column) -> np.ndarray:
        """The target in its own units, float64 (n,); NaN where it is missing."""
        return cells.numbers(column, self.name, self.decimal)

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
                yield row, f"column {self.name!r}: {column.cell(row)!r} is not a finite number"


Target = Classes | Values


def _indices(names: tuple[str, ...], values: Iterable[str]) -> list[int]:
    """The index of each value among the names, −1 where it is none of them."""
    index = {name: i for i, name in enumerate(names)}
    return [index.get(value, -1) for value in values]


def _no_target(name: str) -> str:
    return f"the target {name!r} is missing"


def counted(column: Text) -> dict[str, int]:
    """The number of cells of each category that occurs, most frequent first, then by name."""
    found = {value: int(count) for value, count in zip(column.values, column.counts(), strict=True) if count}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def is_measured(column: Column) -> bool:
    return isinstance(column, Numbers) and column.measured
