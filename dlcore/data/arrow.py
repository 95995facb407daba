"""Columns of a pyarrow Table, converted to dlcore's.  A caller who has such a table has pyarrow installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DataError
from .tables import Column, Dates, Numbers, Text, Unusable


def arrow_columns(data: Any) -> dict[str, Column]:
    """The columns of a pyarrow Table.  Raises DataError for two columns of one name."""
    names = data.column_names
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise DataError(f"there are several columns {twice[0]!r}; rename them")
    return {name: _arrow_column(data.column(name).combine_chunks()) for name in names}


def declared_index(data: Any) -> tuple[str, ...]:
    """The columns of a pyarrow Table that pandas stored as the index of its frame."""
    index = (data.schema.pandas_metadata or {}).get("index_columns", ())
    return tuple(name for name in index if isinstance(name, str) and name in data.column_names)


def _arrow_column(cells: Any) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = cells.type
    if pa.types.is_dictionary(kind):
        cells, kind = cells.cast(kind.value_type), kind.value_type
    if pa.types.is_boolean(kind):
        cells = pc.if_else(cells, "True", "False")
    if pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        encoded = cells.dictionary_encode()
        codes = np.asarray(pc.fill_null(encoded.indices, -1)).astype(np.int32)
        return Text.of(codes, encoded.dictionary.to_pylist(), (), typed=True)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return Numbers(np.asarray(pc.fill_null(cells.cast(pa.float64(), safe=False), float("nan"))))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        microseconds = cells.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False)
        return Dates(np.asarray(microseconds.cast(pa.timestamp("us"))).astype("datetime64[us]"))
    return Unusable(str(kind), len(cells))
