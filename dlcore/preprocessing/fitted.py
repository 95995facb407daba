"""A Preprocessing fitted to training rows, which applies to any rows; to and from JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from ..data.frames import TableLike, table
from ..data.tables import Table
from ..errors import DataError
from . import columns, scaling
from .columns import CategoryColumn, Classes, FittedColumn, Target, Values

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ..files import JSON

_CLASSES: dict[str, type[DataclassInstance]] = {
    kind.__name__: kind
    for kind in (scaling.Affine, scaling.Quantiles, columns.NumberColumn, CategoryColumn, Classes, Values)
}


@dataclass(frozen=True)
class FittedPreprocessing:
    """Columns fitted to training rows, in their order, and the target.

    left_out   columns that are not used, each with the reason
    """

    columns: tuple[FittedColumn, ...]
    target: Target | None = None
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the columns of `features`."""
        return tuple(name for column in self.columns for name in column.outputs)

    @property
    def width(self) -> int:
        """The number of columns of `features`."""
        return len(self.outputs)

    @property
    def embedded(self) -> tuple[tuple[int, int, int], ...]:
        """(column of `features`, categories, dimension) for each column of codes; code 0 is not counted as a category."""
        found, at = [], 0
        for column in self.columns:
            if isinstance(column, CategoryColumn) and column.dimension:
                found.append((at, column.slots, column.dimension))
            at += len(column.outputs)
        return tuple(found)

    def features(self, data: TableLike, dtype: str = "float32") -> np.ndarray:
        """(n, width) from raw rows.  Additional columns and the order of columns do not matter.

        Raises DataError for a missing column, and, with its row, for a cell of another kind than in training.
        """
        rows = table(data)
        self.refuse(rows, self._problems(rows, self.columns))
        X = np.empty((len(rows), self.width), dtype)
        at = 0
        for column in self.columns:
            block = column.encode(rows.column(column.name))
            X[:, at : at + block.shape[1]] = block
            at += block.shape[1]
        return X

    def targets(self, data: TableLike) -> np.ndarray:
        """(n,): class indices, or numbers scaled to mean 0 and deviation 1.

        Raises DataError, with the row, where a target is missing, no number, or no class of the training rows.
        """
        rows, target = table(data), self._target()
        self.refuse(rows, self._problems(rows, (target,)))
        return target.encode(rows.column(target.name))

    def problems(self, data: TableLike, target: bool = True) -> dict[int, str]:
        """The rows that cannot be used, each with the reason; `target`: for training and evaluation, which need targets."""
        rows = table(data)
        wanted = (*self.columns, self.target) if target and self.target else self.columns
        return self._problems(rows, wanted)

    def clean(self, data: TableLike, target: bool = True) -> Table:
        """The table without the rows that cannot be used; they are listed in its `skipped`.  Raises DataError if none is left."""
        rows = table(data)
        bad = self.problems(rows, target)
        if len(bad) == len(rows):
            self.refuse(rows, bad)
        return rows.without(bad)

    def notes(self, data: TableLike) -> list[str]:
        """What these rows have and training rows did not, and how it is encoded: unknown categories, missing cells."""
        rows = table(data)
        present = [c for c in (*self.columns, self.target) if c is not None and c.name in rows.columns]
        return [note for column in present for note in column.notes(rows.columns[column.name])]

    def refuse(self, rows: Table, bad: Mapping[int, str]) -> None:
        """Raise DataError for the first of these rows, if there are any."""
        if bad:
            row = min(bad)
            more = f" ({len(bad):,} rows of {len(rows):,} cannot be used)" if len(bad) > 1 else ""
            raise DataError(
                f"{rows.where(row)}: {bad[row]}{more}; correct it, or leave out such rows with --bad-rows skip"
            )

    def _problems(self, rows: Table, wanted: tuple[FittedColumn | Target, ...]) -> dict[int, str]:
        found: dict[int, str] = {}
        for column in wanted:
            for row, why in column.problems(rows):
                found.setdefault(row, why)
        return dict(sorted(found.items()))

    def _target(self) -> Target:
        if self.target is None:
            raise DataError("this preprocessing was fitted without a target")
        return self.target

    # -- JSON ----------------------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, JSON]:
        """This object as JSON values, from which `build` makes an equal one."""
        return _fields(self)


def _fields(value: DataclassInstance) -> dict[str, JSON]:
    """The type and the fields of a description."""
    fields = {f.name: _described(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return {"type": type(value).__name__, **fields}


def _described(value: object) -> JSON:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, tuple):
        return [_described(item) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"{value!r} has no description")


def build(description: JSON) -> FittedPreprocessing:
    """The object that `describe` described.  Raises DataError for anything else: the description may come from a forged file."""
    made = _built(description)
    if not isinstance(made, FittedPreprocessing):
        _refuse(description)
    for column in (*made.columns, made.target):
        if column is None:
            continue
        if column.decimal not in (".", ","):
            _refuse(column)
        if isinstance(column, columns.NumberColumn):
            try:
                with np.errstate(all="ignore"):
                    works = bool(np.isfinite(column.scaling(np.zeros(1))).all())
            except ValueError:  # landmarks and scores of different number
                works = False
            if not works:
                _refuse(column)
    return made


def _built(value: JSON) -> object:
    if isinstance(value, list):
        return tuple(_built(item) for item in value)
    if not isinstance(value, dict):
        return value
    kind = (_CLASSES | {"FittedPreprocessing": FittedPreprocessing}).get(str(value.get("type")))
    if kind is None:
        _refuse(value)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    given = {name: _built(item) for name, item in value.items() if name != "type"}
    for name, item in given.items():
        if name not in fields or not _fits(item, str(fields[name].type)):
            _refuse({name: item})
    try:
        return kind(**given)
    except TypeError:  # a field is missing
        _refuse(value)


_KINDS: dict[str, Callable[[object], bool]] = {  # annotation of a field -> whether a value from JSON has that type
    "str": lambda value: isinstance(value, str),
    "str | None": lambda value: value is None or isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "Scaling": lambda value: isinstance(value, scaling.Affine | scaling.Quantiles),
    "FittedColumn": lambda value: isinstance(value, columns.NumberColumn | CategoryColumn),
    "Target | None": lambda value: isinstance(value, Classes | Values | None),
    "tuple[str, str]": lambda value: isinstance(value, tuple) and len(value) == 2 and _are(value, "str"),
}


def _fits(value: object, annotation: str) -> bool:
    inside = annotation.removeprefix("tuple[").removesuffix(", ...]")
    return _KINDS[annotation](value) if annotation in _KINDS else _are(value, inside)


def _are(value: object, annotation: str) -> bool:
    return isinstance(value, tuple) and all(_KINDS[annotation](item) for item in value)


def _refuse(value: object) -> NoReturn:
    raise DataError(f"not a description of preprocessing: {str(value)[:80]}")
