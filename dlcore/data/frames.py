"""Tables from Python objects: mappings, data frames of any library, arrays of records, matrices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeGuard

import numpy as np

from ..arrays import ArrayLike, has_masks
from ..errors import DataError, ShapeError
from .arrow import arrow_column, arrow_columns, declared_index
from .markers import MISSING, Markers
from .tables import Column, Table, Text, Unusable
from .typed import booleans, category_name, dates, floats, integers, masked, objects

if TYPE_CHECKING:
    import pyarrow as pa


class Frame(Protocol):
    """A data frame of any library."""

    @property
    def columns(self) -> Iterable[object]: ...

    def __getitem__(self, name: object, /) -> ArrayLike: ...


# rows with named columns: tables, mappings of names to columns, data frames of any library, arrays of records, matrices
TableLike: TypeAlias = "Table | Mapping[str, ArrayLike] | Frame | ArrayLike"


def table(data: TableLike, source: str = "table", missing: Iterable[str] = MISSING) -> Table:
    """A table from a mapping of names to columns, a data frame, an array of records, or a matrix.

    missing   cells that stand for a missing value, as in files; None, NaN, NaT and pandas' NA always do

    A column is what the same column of a Parquet file is.  Columns of a matrix are called column_1, column_2, …  Raises DataError
    for anything else and for masked arrays, ShapeError for columns of different lengths.
    """
    if isinstance(data, Table):
        return data
    markers = Markers(missing)
    if hasattr(data, "column_names") and hasattr(data, "column"):  # pyarrow's
        columns, index = arrow_columns(data, markers), declared_index(data) if hasattr(data, "schema") else ()
    else:
        columns, index = _columns(data, source, markers), ()
    return Table(columns, source, unmatched=markers.unmatched(), index=index)


def _columns(data: TableLike, source: str, markers: Markers) -> dict[str, Column]:
    if has_masks(data):
        raise masked(source)
    if type(data).__name__ == "LazyFrame":
        raise DataError(f"{source} is a lazy frame, which has no cells yet; give its .collect()")
    if isinstance(data, np.ndarray) and data.dtype.names:
        return {name: column(data[name], name, markers) for name in data.dtype.names}
    if isinstance(data, Mapping) or _is_frame(data):
        names: list[object] = list(data) if isinstance(data, Mapping) else list(data.columns)
        if len(set(map(str, names))) < len(names):
            raise DataError(f"{source} has several columns of one name; rename them")
        named = list(data.items()) if isinstance(data, Mapping) else [(name, data[name]) for name in names]
        return {str(name): column(cells, str(name), markers) for name, cells in named}
    matrix = data if isinstance(data, np.ndarray) else _matrix(data, source)
    if matrix.ndim != 2:
        raise ShapeError(f"{source} has shape {matrix.shape}, expected 2 dimensions (rows, columns)")
    return {f"column_{i + 1}": column(matrix[:, i], f"column_{i + 1}", markers, True) for i in range(matrix.shape[1])}


def _is_frame(data: object) -> TypeGuard[Frame]:
    return hasattr(data, "columns") and hasattr(data, "__getitem__")


def column(values: ArrayLike, name: str, markers: Markers | None = None, measured: bool = False) -> Column:
    """A column from a sequence of numbers, dates, booleans or text.

    `measured`: the numbers come from a matrix, and are never taken for categories.  Raises ShapeError for more dimensions,
    DataError for masked arrays and for dates that cannot be held.
    """
    markers = Markers() if markers is None else markers
    if has_masks(values):
        raise masked(f"column {name!r}")
    if not isinstance(values, np.ndarray):
        declared = _declared(values, name, markers)
        if declared is not None:
            return declared
    array = values if isinstance(values, np.ndarray) else _array(values, name)
    if array.ndim != 1:
        raise ShapeError(f"column {name!r} has shape {array.shape}, expected one value for each row")
    kind = array.dtype.kind
    if kind == "b":
        return booleans(array, None, markers)
    if kind in "iu":
        return integers(array, None, markers, measured)
    if kind == "f":
        return floats(array, markers, measured)
    if kind == "M":
        return dates(array, name, markers)
    if kind == "U":
        distinct, codes = np.unique(array, return_inverse=True)
        return Text.of(codes.astype(np.int32), distinct.tolist(), markers, typed=True)
    if kind in "OT":
        return objects(array.tolist(), name, markers, measured)
    return Unusable(str(array.dtype), len(array))


def _array(values: object, name: str) -> np.ndarray:
    """One array for a column; a list stays a list of its objects, since NumPy would make text of the 1 in [1, "a"]."""
    if not isinstance(values, (list, tuple)):
        return np.asarray(values)
    kinds = set(map(type, values))
    if any(hasattr(kind, "shape") and hasattr(kind, "item") and not issubclass(kind, np.generic) for kind in kinds):
        values = [cell.item() if getattr(cell, "shape", None) == () else cell for cell in values]
        kinds = set(map(type, values))
    if kinds and kinds <= {int, float}:
        try:
            return np.array(values, np.float64 if float in kinds else np.int64)
        except OverflowError:
            return _objects(values)
    if any(issubclass(kind, Sized) and not issubclass(kind, (str, bytes)) for kind in kinds):
        try:
            shape: object = np.shape(values)
        except ValueError:
            shape = f"({len(values)}, ragged)"
        raise ShapeError(f"column {name!r} has shape {shape}, expected one value for each row")
    return _objects(values)


def _objects(values: Sequence[object]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _matrix(data: object, source: str) -> np.ndarray:
    """A matrix; the cells of rows that are lists keep their types."""
    rows = [list(row) for row in data if isinstance(row, (list, tuple))] if isinstance(data, (list, tuple)) else []
    even = bool(rows) and isinstance(data, (list, tuple)) and len(rows) == len(data) and len(set(map(len, rows))) == 1
    kinds = {type(cell) for row in rows for cell in row}
    flat = not any(issubclass(kind, Sized) and not issubclass(kind, (str, bytes)) for kind in kinds)
    try:
        if even and flat and (not kinds <= {int, float} or (kinds == {int} and _is_beyond_int64(rows))):
            matrix = np.empty((len(rows), len(rows[0])), object)
            matrix[:] = rows
            return matrix
        return np.asarray(data)
    except (TypeError, ValueError) as error:
        raise DataError(f"{source} cannot be read as a table: {error}") from None


def _is_beyond_int64(rows: list[list[int]]) -> bool:
    return any(not -(2**63) <= cell < 2**63 for row in rows for cell in row)


# -- columns of data frames ------------------------------------------------------------------------------------------------


def _declared(values: object, name: str, markers: Markers) -> Column | None:
    """The column of a pandas or polars Series or an Arrow array whose type NumPy does not have; None for all others."""
    kind = getattr(values, "dtype", None)
    if kind is None and not hasattr(values, "__arrow_c_array__") and not hasattr(values, "__arrow_c_stream__"):
        return None
    if isinstance(kind, np.dtype) and kind.kind != "O":
        return None
    categories = getattr(values, "cat", values)
    if hasattr(categories, "codes") and hasattr(categories, "categories"):  # pandas'
        codes = np.asarray(categories.codes, np.int32)
        return Text.of(codes, [*map(category_name, categories.categories)], markers, typed=True).occurring()
    arrow = _as_arrow(values)
    if arrow is not None:
        return arrow_column(arrow, name, markers)
    if hasattr(values, "to_list"):
        return objects(values.to_list(), name, markers)
    return objects(list(values), name, markers) if _is_pandas(values) and isinstance(values, Iterable) else None


def _is_pandas(values: object) -> bool:
    return type(values).__module__.partition(".")[0] == "pandas"


def _as_arrow(values: object) -> pa.Array | pa.ChunkedArray | None:
    """The same cells as an Arrow array; None without pyarrow, or for objects of several types."""
    try:
        import pyarrow as pa
    except ImportError:
        return None
    try:
        if _is_pandas(values):
            cells = pa.array(values, from_pandas=True)
            # among objects, days decide for Arrow that moments are days too
            of_objects = str(getattr(values, "dtype", "")) == "object"
            return None if of_objects and pa.types.is_temporal(cells.type) else cells
        if hasattr(values, "to_arrow"):
            return values.to_arrow()
        if hasattr(values, "__arrow_c_stream__"):
            return pa.chunked_array(values)
        return pa.array(values) if hasattr(values, "__arrow_c_array__") else None
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
