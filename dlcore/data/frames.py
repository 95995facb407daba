"""Tables from Python objects: mappings, data frames of any library, arrays of records, matrices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias, TypeGuard

import numpy as np

from ..arrays import ArrayLike
from ..errors import DataError, ShapeError
from .arrow import arrow_columns
from .tables import Column, Dates, Numbers, Table, Text, Unusable


class Frame(Protocol):
    """A data frame of any library."""

    @property
    def columns(self) -> Iterable[object]: ...

    def __getitem__(self, name: object, /) -> ArrayLike: ...


# rows with named columns: tables, mappings of names to columns, data frames of any library, arrays of records, matrices
TableLike: TypeAlias = "Table | Mapping[str, ArrayLike] | Frame | ArrayLike"


def table(data: TableLike, source: str = "table") -> Table:
    """A table from a mapping of names to columns, a data frame, an array of records, or a matrix.

    Columns of a matrix are called column_1, column_2, …  Raises DataError for anything else, ShapeError for columns of
    different lengths.
    """
    if isinstance(data, Table):
        return data
    if hasattr(data, "column_names") and hasattr(data, "column"):  # pyarrow's
        return Table(arrow_columns(data), source)
    if isinstance(data, np.ndarray) and data.dtype.names:
        return Table({name: column(data[name], name) for name in data.dtype.names}, source)
    if isinstance(data, Mapping) or _is_frame(data):
        named = list(data.items()) if isinstance(data, Mapping) else [(name, data[name]) for name in data.columns]
        columns = {str(name): column(cells, str(name)) for name, cells in named}
        if len(columns) < len(named):
            raise DataError(f"{source} has several columns of one name; rename them")
        return Table(columns, source)
    matrix = np.asarray(data)
    if matrix.ndim != 2:
        raise ShapeError(f"{source} has shape {matrix.shape}, expected 2 dimensions (rows, columns)")
    columns = {f"column_{i + 1}": column(matrix[:, i], f"column_{i + 1}", True) for i in range(matrix.shape[1])}
    return Table(columns, source)


def _is_frame(data: object) -> TypeGuard[Frame]:
    return hasattr(data, "columns") and hasattr(data, "__getitem__")


def column(values: ArrayLike, name: str, measured: bool = False) -> Column:
    """A column from a sequence of numbers, dates or text; None, NaN and NaT are missing.  Raises ShapeError, DataError."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ShapeError(f"column {name!r} has shape {array.shape}, expected one value for each row")
    if array.dtype.kind in "iuf":
        return Numbers(array.astype(np.float64), measured)
    if array.dtype.kind == "M":
        return Dates(array.astype("datetime64[us]"))
    if array.dtype.kind == "O" and all(_is_missing(cell) or _is_number(cell) for cell in array):
        return Numbers(np.array([np.nan if _is_missing(cell) else cell for cell in array], np.float64), measured)
    if array.dtype.kind not in "UOb":
        return Unusable(str(array.dtype), len(array))
    return _text(array.tolist())


def _text(cells: Sequence[object]) -> Column:
    index: dict[str, int] = {}
    codes = np.empty(len(cells), np.int32)
    for row, cell in enumerate(cells):
        if _is_missing(cell):
            codes[row] = -1
        elif isinstance(cell, (str, bool, int, float)):
            codes[row] = index.setdefault(str(cell), len(index))
        else:
            return Unusable(type(cell).__name__, len(cells))
    return Text(codes, tuple(index), typed=True)


def _is_missing(cell: object) -> bool:
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)


def _is_number(cell: object) -> bool:
    return isinstance(cell, (int, float, np.number)) and not isinstance(cell, bool)
