"""Columns of a pyarrow Table in memory; those of files are in test_table_files.py."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.arrow import arrow_columns
from dlcore.data.markers import Markers
from dlcore.data.tables import Dates, Numbers, Text, Unusable

pa = pytest.importorskip("pyarrow")


@pytest.mark.parametrize(
    ("make", "kind", "found"),
    [
        (lambda: pa.array([1, None], pa.int64()), Numbers, [1.0, None]),
        (lambda: pa.array([2**53, None], pa.uint64()), Numbers, [2.0**53, None]),
        (lambda: pa.array([0.5, float("nan")], pa.float16()), Numbers, [0.5, None]),
        (lambda: pa.nulls(2), Numbers, [None, None]),
        (lambda: pa.array([True, None]), Text, ["True", None]),
        (lambda: pa.array(["b", "a"]).dictionary_encode(), Text, ["b", "a"]),
        (lambda: pa.array([1, 2]).dictionary_encode(), Text, ["1", "2"]),
        (lambda: pa.array([0, None], pa.date32()), Dates, ["1970-01-01T00:00:00.000000", None]),
        (lambda: pa.array([3600], pa.timestamp("s", "Europe/Lisbon")), Dates, ["1970-01-01T01:00:00.000000"]),
        (lambda: pa.array([b"x"]), Unusable, ["binary"]),
    ],
    ids=["int64", "uint64", "float16", "null", "bool", "dictionary", "numbers in a dictionary", "date", "timestamp", "binary"],
)  # fmt: skip
def test_each_type_of_arrow(make, kind, found) -> None:  # type: ignore[no-untyped-def]
    """Times are those of UTC; the numbers of a dictionary are categories."""
    column = arrow_columns(pa.table({"c": make()}), Markers())["c"]
    assert type(column) is kind
    assert [None if gone else column.cell(row) for row, gone in enumerate(column.missing())] == found


def test_chunks_are_one_column() -> None:
    column = arrow_columns(pa.table({"c": pa.chunked_array([["b", "a"], ["a", None]])}), Markers())["c"]
    assert isinstance(column, Text)
    assert [column.cell(row) for row in range(4)] == ["b", "a", "a", None]
    assert np.array_equal(np.sort(column.counts()), [1, 2])


def test_two_columns_of_one_name_are_refused() -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    with pytest.raises(dl.DataError, match="several columns 'a'; rename them"):
        arrow_columns(twice, Markers())
