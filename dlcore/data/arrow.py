"""Columns of a pyarrow Table, converted to dlcore's.  A caller who has such a table has pyarrow installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DataError
from .markers import Markers
from .tables import Column, Text, Unusable
from .typed import EXACT, booleans, category_name, dates, floats, integers, objects


def arrow_columns(data: Any, markers: Markers) -> dict[str, Column]:
    """The columns of a pyarrow Table.  Raises DataError for two columns of one name."""
    names = data.column_names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"there are several columns {twice!r}; rename them")
    declared = {
        described.get("field_name")
        for described in (data.schema.pandas_metadata or {}).get("columns", ())
        if described.get("pandas_type") == "categorical"  # a Parquet file keeps the numbers alone
    }
    return {name: arrow_column(data.column(name), name, markers, name in declared) for name in names}


def declared_index(data: Any) -> tuple[str, ...]:
    """The columns of a pyarrow Table that pandas stored as the index of its frame."""
    index = (data.schema.pandas_metadata or {}).get("index_columns", ())
    return tuple(name for name in index if isinstance(name, str) and name in data.column_names)


def arrow_column(cells: Any, name: str, markers: Markers, category: bool = False) -> Column:
    """The column of a pyarrow Array or ChunkedArray; `category`: its cells are declared to be categories."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    if isinstance(cells, pa.ExtensionArray) and _is_text(cells.storage.type):
        cells = cells.storage
    kind = cells.type
    if category and not pa.types.is_nested(kind) and not pa.types.is_dictionary(kind):
        cells = cells.dictionary_encode()
        kind = cells.type
    if pa.types.is_dictionary(kind):
        return _categories(cells, name, markers)
    if pa.types.is_boolean(kind):
        return booleans(as_numpy(pc.fill_null(cells, False)), as_numpy(cells.is_null()), markers)
    if _is_text(kind):
        encoded = cells.cast(pa.large_string()).dictionary_encode()
        return Text.of(_codes(encoded), encoded.dictionary.to_pylist(), markers, typed=True)
    if pa.types.is_integer(kind):
        return integers(as_numpy(pc.fill_null(cells, 0)), as_numpy(cells.is_null()), markers)
    if pa.types.is_floating(kind):
        return floats(as_numpy(pc.fill_null(cells, float("nan"))), markers)
    if pa.types.is_decimal(kind):
        wide = as_numpy(pc.fill_null(cells.cast(pa.float64(), safe=False), float("nan")))
        if np.nanmax(np.abs(wide), initial=0) >= EXACT:
            return objects(cells.to_pylist(), name, markers)
        return floats(wide, markers)
    if pa.types.is_null(kind):
        return floats(np.full(len(cells), np.nan), markers)
    if pa.types.is_timestamp(kind):
        ticks = cells.cast(pa.int64())
        moments = as_numpy(pc.fill_null(ticks, np.iinfo(np.int64).min)).view(f"datetime64[{kind.unit}]")
        return dates(moments, name, markers)  # those with a zone are counted in UTC
    if pa.types.is_date(kind):
        days = cells.cast(pa.date32(), safe=False).cast(pa.int32()).cast(pa.int64())
        moments = as_numpy(pc.fill_null(days, np.iinfo(np.int64).min)).view("datetime64[D]")
        return dates(moments, name, markers)
    return Unusable(str(kind), len(cells))


def as_numpy(cells: Any) -> np.ndarray:
    """The numbers of an Arrow array without nulls; pyarrow's own way would import pandas where it is installed."""
    import pyarrow as pa

    if pa.types.is_boolean(cells.type):
        return as_numpy(cells.cast(pa.uint8())).astype(bool)
    name = {"double": "float64", "float": "float32", "halffloat": "float16"}.get(str(cells.type), str(cells.type))
    if not len(cells):
        return np.empty(0, name)
    return np.frombuffer(cells.buffers()[1], name)[cells.offset : cells.offset + len(cells)]


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    view = getattr(pa.types, "is_string_view", None)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or (view and view(kind)))


def _codes(encoded: Any) -> np.ndarray:
    import pyarrow.compute as pc

    if encoded.indices.null_count:
        return as_numpy(pc.fill_null(encoded.indices.cast("int64"), -1)).astype(np.int32)
    return as_numpy(encoded.indices).astype(np.int32)


def _categories(cells: Any, name: str, markers: Markers) -> Column:
    """A dictionary column: its values are categories, also where they are numbers."""
    values = arrow_column(cells.dictionary, name, Markers(()))
    if isinstance(values, Unusable):
        return Unusable(values.kind, len(cells))
    words = [None if gone else values.cell(i) for i, gone in enumerate(values.missing().tolist())]
    names = ["" if word is None else category_name(word) for word in words]
    codes = np.append(np.where([word is None for word in words], -1, np.arange(len(words))), -1)[_codes(cells)]
    return Text.of(codes.astype(np.int32), names, markers, typed=True).occurring()
