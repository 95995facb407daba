"""A Preprocessing fitted to training rows, which applies to any rows; to and from JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ..checks import check, one_of
from ..data.frames import table
from ..data.tables import Table
from ..errors import DataError
from . import columns, scaling
from .columns import CategoryColumn, Classes, FittedColumn, Target, Values
from .numerals import PLAIN, THOUSANDS, Numeral

_CLASSES: dict[str, type] = {
    kind.__name__: kind
    for kind in (scaling.Affine, scaling.Quantiles, columns.NumberColumn, CategoryColumn, Classes, Values, Numeral)
}


def rows_of(data: Any) -> Table:
    """A table from whatever `dlcore.data.table` takes, from one row (a dict of cells, or a pandas Series), or a list of such dicts.

    Raises DataError or ShapeError for anything else.
    """
    if hasattr(data, "index") and hasattr(data, "to_dict") and getattr(data, "ndim", 0) == 1:
        names = list(data.index)
        data = dict(zip(names, data, strict=True)) if all(isinstance(name, str) for name in names) else data
    if isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):
        data = {name: [row.get(name) for row in data] for name in dict.fromkeys(name for row in data for name in row)}
    if isinstance(data, Mapping):
        single = {str(name): _is_one_cell(cell) for name, cell in data.items()}
        if any(single.values()) and not all(single.values()):
            cell, column = (next(name for name, one in single.items() if one is kind) for kind in (True, False))
            raise DataError(
                f"{cell!r} is one cell and {column!r} is a column; give a dict of cells, or a dict of columns"
            )
        if single and all(single.values()):
            data = {name: [cell] for name, cell in data.items()}
    elif not hasattr(data, "__len__") or isinstance(data, str | bytes):
        came = repr(data) if isinstance(data, str | bytes | bool | int | float | None) else type(data).__name__
        raise DataError(
            f"{came} is no table, expected a data frame, a dict of columns, a matrix, or a dict with one row"
        )
    return table(data)


def _is_one_cell(cell: Any) -> bool:
    return (
        cell is None
        or isinstance(cell, str | bytes)
        or not (hasattr(cell, "__len__") or hasattr(cell, "__array__"))
        or (getattr(cell, "shape", None) == ())
    )


@dataclass(frozen=True)
class FittedPreprocessing:
    """Columns fitted to training rows, in their order, and the target.

    left_out    columns that are not used, each with the reason
    positions   the number of columns of training rows that had no names, which are recognized by their positions; otherwise 0
    """

    columns: tuple[FittedColumn, ...]
    target: Target | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    positions: int = 0

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

    def features(self, data: Any, dtype: str = "float32", *, unknown_categories: str = "error") -> np.ndarray:
        """(n, width) from raw rows.  Additional columns and the order of columns do not matter, if columns have names.

        data                 a Table, a data frame, a dict of columns, a matrix; one row as a dict of cells, or a list of them
        unknown_categories   "error", or "allow" for a column in which no cell is a category of training rows

        Raises DataError for a missing column, and, with its row, for a cell of another kind than in training; for rows without
        names that have more or fewer columns than training rows.
        """
        if isinstance(dtype, type | np.dtype):
            dtype = np.dtype(dtype).name
        check("", one_of("float32", "float64"), dtype=dtype)
        check("", one_of("error", "allow"), unknown_categories=unknown_categories)
        rows = rows_of(data)
        self._check_positions(rows)
        self.refuse(rows, self._problems(rows, self.columns))
        if unknown_categories == "error":
            for column in self.columns:
                if isinstance(column, CategoryColumn) and (why := column.unknown(rows.column(column.name))):
                    raise DataError(f"{rows.source}: {why}; if these are new ones: --unknown-categories allow")
        X = np.empty((len(rows), self.width), dtype)
        at = 0
        for column in self.columns:
            block = column.encode(rows.column(column.name))
            X[:, at : at + block.shape[1]] = block
            at += block.shape[1]
        return X

    def targets(self, data: Any) -> np.ndarray:
        """(n,): class indices, or numbers scaled to mean 0 and deviation 1.

        Raises DataError, with the row, where a target is missing, no number, or no class of the training rows.
        """
        rows, target = rows_of(data), self._target()
        self.refuse(rows, self._problems(rows, (target,)))
        return target.encode(rows.column(target.name))

    def problems(self, data: Any, target: bool = True) -> dict[int, str]:
        """The rows that cannot be used, each with the reason; `target`: for training and evaluation, which need targets."""
        rows = rows_of(data)
        wanted = (*self.columns, self.target) if target and self.target else self.columns
        return self._problems(rows, wanted)

    def clean(self, data: Any, target: bool = True) -> Table:
        """The table without the rows that cannot be used; they are listed in its `skipped`.  Raises DataError if none is left."""
        rows = rows_of(data)
        bad = self.problems(rows, target)
        if len(bad) == len(rows):
            self.refuse(rows, bad)
        return rows.without(bad)

    def notes(self, data: Any) -> list[str]:
        """What these rows have and training rows did not, and how it is encoded: unknown categories, missing cells."""
        rows = rows_of(data)
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

    def _check_positions(self, rows: Table) -> None:
        """Raise DataError if columns without names cannot stand where they stood in training."""
        if not self.positions or len(rows.columns) == self.positions:
            return
        last = self.target is not None and self.target.name == f"column_{self.positions}"
        if last and len(rows.columns) == self.positions - 1:
            return
        target = f", column {self.target.name.removeprefix('column_')} of them the target" if self.target else ""
        raise DataError(
            f"{rows.source} has {len(rows.columns)} columns, and training rows had {self.positions}{target}; they have no names, "
            "so each must stand at its position: give names in a header, or an empty cell where the target stood"
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

    def describe(self) -> dict[str, Any]:
        """This object as JSON values, from which `build` makes an equal one."""
        described: dict[str, Any] = _described(self)
        return described


def _described(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = {f.name: _described(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__} | fields
    return [_described(item) for item in value] if isinstance(value, tuple) else value


def build(description: Any) -> FittedPreprocessing:
    """The object that `describe` described.  Raises DataError for anything else: the description may come from a forged file."""
    made = _built(description)
    if not isinstance(made, FittedPreprocessing):
        _refuse(description)
    for column in (*made.columns, made.target):
        if column is None:
            continue
        numeral = getattr(column, "numeral", PLAIN)
        if (
            numeral.decimal not in (".", ",")
            or numeral.thousands not in THOUSANDS
            or numeral.decimal == numeral.thousands
        ):
            _refuse(column)
        if isinstance(column, columns.NumberColumn):
            try:
                with np.errstate(all="ignore"):
                    works = bool(np.isfinite(column.scaling(np.zeros(1))).all())
                    works = works and getattr(column.scaling, "bend", 0) >= 0
            except ValueError:  # landmarks and scores of different number
                works = False
            if not works:
                _refuse(column)
    return made


def _built(value: Any) -> Any:
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


_KINDS: dict[str, Callable[[Any], bool]] = {  # annotation of a field -> whether a value from JSON has that type
    "str": lambda value: isinstance(value, str),
    "str | None": lambda value: value is None or isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "Scaling": lambda value: isinstance(value, scaling.Affine | scaling.Quantiles),
    "Numeral": lambda value: isinstance(value, Numeral),
    "FittedColumn": lambda value: isinstance(value, columns.NumberColumn | CategoryColumn),
    "Target | None": lambda value: isinstance(value, Classes | Values | None),
    "tuple[str, str]": lambda value: _are(value, "str") and len(value) == 2,
}


def _fits(value: Any, annotation: str) -> bool:
    inside = annotation.removeprefix("tuple[").removesuffix(", ...]")
    return _KINDS[annotation](value) if annotation in _KINDS else _are(value, inside)


def _are(value: Any, annotation: str) -> bool:
    return isinstance(value, tuple) and all(_KINDS[annotation](item) for item in value)


def _refuse(value: Any) -> NoReturn:
    raise DataError(f"not a description of preprocessing: {str(value)[:80]}")
