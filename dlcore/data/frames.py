"""Tables from Python objects: mappings, data frames of any library, arrays of records, matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DataError, ShapeError
from .arrow import arrow_columns, declared_index
from .tables import Column, Dates, Numbers, Table, Text, Unusable


def table(data: Any, source: str = "table") -> Table:
    """A table from a mapping of names to columns, a data frame, an array of records, or a matrix.

    Columns of a matrix are called column_1, column_2, …  Raises DataError for anything else, ShapeError for columns of
    different lengths.
    """
    if isinstance(data, Table):
        return data
    if hasattr(data, "column_names") and hasattr(data, "column"):  # pyarrow's
        return Table(arrow_columns(data), source, index=declared_index(data))
    if isinstance(data, np.ndarray) and data.dtype.names:
        return Table({name: column(data[name], name) for name in data.dtype.names}, source)
    if isinstance(data, Mapping) or (hasattr(data, "columns") and hasattr(data, "__getitem__")):
        names = list(data) if isinstance(data, Mapping) else list(data.columns)
        columns = {str(name): column(data[name], str(name)) for name in names}
        if len(columns) < len(names):
            raise DataError(f"{source} has several columns of one name; rename them")
        return Table(columns, source)
    matrix = np.asarray(data)
    if matrix.ndim != 2:
        raise ShapeError(f"{source} has shape {matrix.shape}, expected 2 dimensions (rows, columns)")
    columns = {f"column_{i + 1}": column(matrix[:, i], f"column_{i + 1}", True) for i in range(matrix.shape[1])}
    return Table(columns, source)


def column(values: Any, name: str, measured: bool = False) -> Column:
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


def _text(cells: Sequence[Any]) -> Column:
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


def _is_missing(cell: Any) -> bool:
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float, np.number)) and not isinstance(cell, bool)
